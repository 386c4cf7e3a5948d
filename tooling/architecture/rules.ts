import { builtinModules } from 'node:module'
import { publishedEntries, type Manifest } from '../build/entries.ts'
import { packageOf, reachable, type Project } from './workspace.ts'

/** Packages may import what stands in an earlier line, never what stands in their own or a later one. */
const layers = [
  ['spec'],
  ['weights', 'threads', 'store', 'store-lmdb', 'store-redis', 'tensor', 'tokenizer', 'data', 'eval'],
  ['edit', 'compile', 'model'],
  ['inspect', 'train', 'generate', 'plugin'],
  ['server'],
]

/** Outside the layers: imports no stemkit package, and only apps import it. */
const standalone = ['report']

/** What only Node can load. */
const nodePackages = new Set([
  '@hono/node-server',
  '@redis/client',
  'csv-parse',
  'koffi',
  'lmdb',
  'onnxruntime-node',
  'prom-client',
  'tokenizers',
  'webgpu',
  ...builtinModules,
])

/** Entries for Node alone, besides every entry called `./node`. */
const nodeEntries = new Set([
  '@stemkit/spec/path-url',
  '@stemkit/spec/processes',
  '@stemkit/spec/write-lock',
  '@stemkit/tokenizer/train',
  '@stemkit/store/sqlite',
  '@stemkit/store-lmdb',
  '@stemkit/store-redis',
])

const scoped = (name: string) => (name.startsWith('@stemkit/') ? name.slice('@stemkit/'.length) : undefined)
const layerOf = (name: string) => layers.findIndex((names) => names.includes(name))
const isTest = (file: string) => file.endsWith('.test.ts')

/** Every breach of the architecture in a workspace, one line each. */
export function findBreaches(projects: Project[]): string[] {
  return projects.flatMap((project) => [
    ...unplaced(project),
    ...disagreeingExports(project),
    ...reverseImports(project),
    ...undeclaredImports(project),
    ...nodeInBrowser(project),
    ...strayTfjs(project),
  ])
}

function unplaced({ folder, isApp, manifest }: Project): string[] {
  const name = scoped(manifest.name)
  const placed = isApp || (name && (layerOf(name) >= 0 || standalone.includes(name)))
  return placed ? [] : [`${folder}: ${manifest.name} has no layer; give it one in tooling/architecture/rules.ts`]
}

/** `exports` serves the workspace from src, `publishConfig.exports` serves users from dist: the same entries, the same names. */
function disagreeingExports(project: Project): string[] {
  const { folder, manifest, sources } = project
  const breaches: string[] = []
  const compare = (
    field: string,
    inWorkspace: Record<string, string>,
    published: Record<string, unknown>,
    dist: (name: string) => unknown,
  ) => {
    for (const key of new Set([...Object.keys(inWorkspace), ...Object.keys(published)])) {
      const source = inWorkspace[key]
      const name = source && /^\.\/src\/(.+)\.ts$/.exec(source)?.[1]
      const expected = name ? dist(name) : source
      if (JSON.stringify(published[key]) !== JSON.stringify(expected) || source === undefined) {
        breaches.push(`${folder}: ${field} and publishConfig.${field} disagree on ${key}`)
      } else if (name && !sources.has(`src/${name}.ts`)) {
        breaches.push(`${folder}: ${field} names ${source}, which does not exist`)
      }
    }
  }
  compare('exports', manifest.exports ?? {}, manifest.publishConfig?.exports ?? {}, (name) => ({
    types: `./dist/${name}.d.ts`,
    default: `./dist/${name}.js`,
  }))
  compare('bin', manifest.bin ?? {}, manifest.publishConfig?.bin ?? {}, (name) => `./dist/${name}.js`)
  return breaches
}

function reverseImports(project: Project): string[] {
  return eachImport(project, ({ at, name }) => {
    const target = name && scoped(name)
    if (!target || name === project.manifest.name || project.isApp) return undefined
    const own = scoped(project.manifest.name) ?? ''
    if (standalone.includes(own)) return `${at} imports ${name}; ${own} stands alone`
    if (standalone.includes(target)) return `${at} imports ${name}, which is for apps only`
    return layerOf(target) < layerOf(own) ? undefined : `${at} imports ${name} against the direction of dependencies`
  })
}

function undeclaredImports(project: Project): string[] {
  const { manifest } = project
  const { exported, bins } = publishedEntries(manifest)
  const published = reachable(project, [...Object.values(exported), ...Object.values(bins)], { types: true })
  const shipped = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  const own = [manifest.name, 'vitest', 'fast-check']
  return eachImport(project, ({ at, file, name }) => {
    if (!name || builtinModules.includes(name) || name in shipped) return undefined
    if (published.has(file)) return `${at} imports ${name}, which package.json does not list as a dependency or peer`
    if (own.includes(name) || name in { ...manifest.devDependencies }) return undefined
    return `${at} imports ${name}, which package.json does not list`
  })
}

/** The entries of a package that a browser loads, and their sources: `['@stemkit/store', './src/index.ts']`. */
export function browserEntries(manifest: Manifest): [name: string, source: string][] {
  return Object.entries(manifest.exports ?? {})
    .map(([subpath, source]): [string, string] => [manifest.name + subpath.slice(1), source])
    .filter(([name, source]) => source.endsWith('.ts') && !isNodeEntry(name))
}

/** A browser loads every entry except those for Node; nothing that they reach may need Node. */
function nodeInBrowser(project: Project): string[] {
  if (project.isApp) return []
  const entries = browserEntries(project.manifest).map(([, source]) => source)
  const loaded = reachable(project, entries, { types: false })
  return eachImport(project, ({ at, file, name, specifier, typeOnly }) => {
    if (!loaded.has(file) || typeOnly) return undefined
    const needsNode = specifier.startsWith('node:') || nodePackages.has(name ?? '') || isNodeEntry(specifier)
    return needsNode ? `${at} imports ${specifier}, but a browser loads this file` : undefined
  })
}

const isNodeEntry = (specifier: string) =>
  nodeEntries.has(specifier) || (specifier.startsWith('@stemkit/') && specifier.endsWith('/node'))

/** One package imports tfjs, so that one copy owns its engine. Tests and apps may import backends to register them. */
function strayTfjs(project: Project): string[] {
  if (project.manifest.name === '@stemkit/tensor') return []
  return eachImport(project, ({ at, file, name, specifier }) => {
    if (!name?.startsWith('@tensorflow/')) return undefined
    const mayRegister = project.isApp || isTest(file) || file.startsWith('src/testing/')
    if (mayRegister && name.startsWith('@tensorflow/tfjs-backend-')) return undefined
    return `${at} imports ${specifier}; take it from @stemkit/tensor`
  })
}

interface Occurrence {
  /** `packages/spec/src/errors.ts:3` */
  at: string
  file: string
  specifier: string
  name: string | undefined
  typeOnly: boolean
}

function eachImport(project: Project, judge: (occurrence: Occurrence) => string | undefined): string[] {
  return [...project.sources].flatMap(([file, imports]) =>
    imports.flatMap(({ specifier, typeOnly, line }) => {
      const at = `${project.folder}/${file}:${line}`
      return judge({ at, file, specifier, name: packageOf(specifier), typeOnly }) ?? []
    }),
  )
}
