/**
 * Writes generated/register-gradients.js: tfjs-core's gradient definitions as one ES module. Importing it registers
 * them; it exports nothing.
 *
 * In Node `@tensorflow/tfjs-core` registers no gradients, and `dist/register_all_gradients.js` cannot be imported
 * (extensionless imports). Bundling it whole would bring a second engine. So every name that tfjs-core exports is taken
 * from the copy that is already loaded; only the gradient definitions and a few unexported helpers come along.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as tf from '@tensorflow/tfjs-core'
import { build, type Plugin } from 'esbuild'

const CORE = '@tensorflow/tfjs-core'
const dist = join(dirname(createRequire(import.meta.url).resolve(`${CORE}/package.json`)), 'dist')

/** The names that an ES module of tfjs-core declares or lists in an export clause. */
function exportedNames(source: string): string[] {
  const declared = [...source.matchAll(/^export (?:async )?(?:function|const|class|var|let)\s+(\w+)/gm)]
  const listed = [...source.matchAll(/^export \{([^}]*)\}/gm)].flatMap((match) => match[1]!.split(','))
  return [
    ...declared.map((match) => match[1]!),
    ...listed.map((item) =>
      item
        .trim()
        .split(/\s+as\s+/)
        .at(-1)!,
    ),
  ]
}

/** tfjs-core's public namespaces that hold helpers its gradients import from inner files. */
const { util, backend_util, broadcast_util, slice_util, tensor_util } = tf
const NAMESPACES = Object.entries({ util, backend_util, broadcast_util, slice_util, tensor_util })

/** Names that are not public but have a short equivalent that is; taking them as they are would bring the engine. */
const EQUIVALENTS: Record<string, string> = {
  ENGINE: `import { engine } from '${CORE}'; export const ENGINE = /* @__PURE__ */ engine()`,
  convertToTensor: `import { Tensor, tensor } from '${CORE}'; export const convertToTensor = (x) => (x instanceof Tensor ? x : tensor(x))`,
}

/** How to get `name` from the loaded tfjs-core, or undefined where it is not public. */
function fromCore(name: string): string | undefined {
  if (name in EQUIVALENTS) return EQUIVALENTS[name]
  if (Object.hasOwn(tf, name)) return `export { ${name} } from '${CORE}'`
  const [namespace] = NAMESPACES.find(([, members]) => Object.hasOwn(members, name)) ?? []
  return namespace && `import { ${namespace} } from '${CORE}'; export const ${name} = ${namespace}.${name}`
}

const preferLoadedCore: Plugin = {
  name: 'prefer-loaded-core',
  setup(bundle) {
    bundle.onResolve({ filter: new RegExp(`^${CORE}$`) }, () => ({ path: CORE, external: true, sideEffects: false }))
    bundle.onResolve({ filter: /^\./ }, ({ path, importer }) => {
      const file = resolve(dirname(importer), path.endsWith('.js') ? path : `${path}.js`)
      return { path: file, namespace: 'core', sideEffects: false }
    })
    bundle.onResolve({ filter: /^real:/ }, ({ path }) => ({
      path: path.slice(5),
      namespace: 'file',
      sideEffects: false,
    }))
    bundle.onLoad({ filter: /.*/, namespace: 'core' }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      const names = exportedNames(source).filter(Boolean)
      const imports = new Set<string>()
      const exports = names.map((name) => {
        const parts = (fromCore(name) ?? `export { ${name} } from 'real:${path}'`).split('; ')
        if (parts.length === 2) imports.add(parts[0]!)
        return parts.at(-1)!
      })
      const passedOn = source.match(/^export \* from .*$/gm) ?? []
      return { contents: [...imports, ...exports, ...passedOn].join('\n'), resolveDir: dist }
    })
  },
}

const outfile = fileURLToPath(new URL('../generated/register-gradients.js', import.meta.url))
await build({
  entryPoints: [join(dist, 'register_all_gradients.js')],
  outfile,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  plugins: [preferLoadedCore],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  banner: { js: '// Gradient definitions of @tensorflow/tfjs-core, Copyright Google LLC, Apache-2.0.' },
})
writeFileSync(outfile.replace(/js$/, 'd.ts'), 'export {}\n')
