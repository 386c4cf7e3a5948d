// What users get: every public package packed, installed from its tarball into an empty npm project, its README tried.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readImports } from './architecture/imports.ts'
import { packageOf } from './architecture/workspace.ts'
import type { Manifest } from './build/entries.ts'
import { ensureBuilt } from './publish/build.ts'
import { inParallel } from './publish/in-parallel.ts'
import { packAll } from './publish/pack.ts'
import { publicProjects, root } from './publish/public-projects.ts'
import { parseReadme, readReadme } from './publish/readme.ts'
import { run } from './publish/run.ts'

const MINUTE = 60_000
const projects = publicProjects().map((project) => ({ ...project, readme: readReadme(project.folder) }))
const scratch = mkdtempSync(join(tmpdir(), 'stemkit-packed-'))
const user = join(scratch, 'project')

beforeAll(async () => {
  await inParallel(projects, ensureBuilt)
  const packed = await packAll(scratch)
  const ours = new Set(packed.map(({ manifest }) => manifest.name))
  const others = new Set(projects.flatMap(({ readme }) => readme.install).filter((name) => !ours.has(name)))
  mkdirSync(user)
  writeFileSync(join(user, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const wanted = [
    ...packed.map(({ tarball }) => tarball),
    ...[...others].map((name) => `${name}@${lockedVersion(name)}`),
  ]
  // No install scripts: onnxruntime-node's would fetch CUDA libraries, and no other package here needs its own.
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  const { failed, output } = await run('npm', ['install', ...flags, ...wanted], user)
  if (failed) throw new Error(`npm install of the packed packages failed:\n${output}`)
}, 10 * MINUTE)

afterAll(() => rm(scratch, { recursive: true }), MINUTE)

const exampleFile = ({ name }: Manifest) => `${name.replace('/', '-')}.ts`

/** The version of a third party's package that the workspace itself uses. */
function lockedVersion(name: string): string {
  const places = [root, ...projects.map(({ folder }) => folder)].map((at) =>
    join(at, 'node_modules', name, 'package.json'),
  )
  const place = places.find((path) => statSync(path, { throwIfNoEntry: false }))
  if (!place) throw new Error(`a README says to install ${name}, which no package of the workspace uses`)
  return (JSON.parse(readFileSync(place, 'utf8')) as { version: string }).version
}

describe.each(projects.filter(({ manifest }) => manifest.exports))('$manifest.name', ({ manifest, readme }) => {
  test('has a README with an example and what to install for it', () => {
    expect(readme.example, 'the README needs a ```ts block').toBeDefined()
    expect(readme.install, 'the README needs an `npm install` line').toContain(manifest.name)
    const file = join(scratch, exampleFile(manifest))
    writeFileSync(file, readme.example ?? '')
    const imported = readImports(file).map(({ specifier }) => packageOf(specifier))
    for (const name of new Set(imported.filter((imports) => imports !== undefined))) {
      expect(readme.install, `the example imports ${name}`).toContain(name)
    }
  })

  test(
    'runs the example of its README',
    async () => {
      const file = exampleFile(manifest)
      writeFileSync(join(user, file), readme.example ?? '')
      const { failed, stdout, output } = await run(process.execPath, [file], user)
      expect(failed, output).toBe(false)
      expect(stdout.trim(), 'the example prints something').not.toBe('')
    },
    5 * MINUTE,
  )

  test('loads every entry', async () => {
    const entries = Object.keys(manifest.exports ?? {}).filter((subpath) => subpath !== './package.json')
    const code = entries.map((subpath) => `await import('${manifest.name}${subpath.slice(1)}')`).join('\n')
    const { failed, output } = await run(process.execPath, ['--input-type=module', '--eval', code], user)
    expect(failed, output).toBe(false)
  })
})

test(
  'the examples satisfy a strict TypeScript',
  async () => {
    const options = { strict: true, noEmit: true, skipLibCheck: true, target: 'es2023', module: 'nodenext' }
    const types = { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }
    const files = projects.filter(({ readme }) => readme.example).map(({ manifest }) => exampleFile(manifest))
    for (const { manifest, readme } of projects) writeFileSync(join(user, exampleFile(manifest)), readme.example ?? '')
    writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...options, ...types }, files }))
    const { output } = await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc')], user)
    expect(output).toBe('')
  },
  2 * MINUTE,
)

describe.each(projects.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}).map((bin) => ({ bin, manifest }))))(
  'npx $bin',
  ({ bin, manifest }) => {
    test('--version prints the version of its package', async () => {
      const { failed, stdout, output } = await run('npx', ['--no-install', bin, '--version'], user)
      expect(failed, output).toBe(false)
      expect(stdout.trim()).toBe(manifest.version)
    })

    test('--help says how it is used', async () => {
      const { failed, stdout, output } = await run('npx', ['--no-install', bin, '--help'], user)
      expect(failed, output).toBe(false)
      expect(stdout).toMatch(new RegExp(`^Usage: ${bin}\\b`, 'm'))
    })
  },
)

test(
  'stem trains from its tarball: threads, WebAssembly and ONNX Runtime are all there',
  async () => {
    const args = ['recipe', 'sotu', '--steps', '1', '--run', join(scratch, 'run'), '--json']
    const { failed, stdout, output } = await run('npx', ['--no-install', 'stem', ...args], user)
    expect(failed, output).toBe(false)
    expect(JSON.parse(stdout)).toMatchObject({ recipe: 'sotu' })
  },
  5 * MINUTE,
)

describe('the template of a plugin, copied', () => {
  const template = join(user, 'my-plugin')
  beforeAll(() => {
    cpSync(join(root, 'examples/plugin-template'), template, { recursive: true })
  })

  test(
    'passes the conformance suite',
    async () => {
      const { failed, stdout, output } = await run(process.execPath, ['--test', '--test-reporter=tap'], template)
      expect(failed, output).toBe(false)
      expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(40)
    },
    2 * MINUTE,
  )

  test(
    'gives stem a URL scheme: as TypeScript, and built as a package',
    async () => {
      const text = 'the state of our union is strong and we must go on with work for all people. '.repeat(400)
      writeFileSync(join(user, 'text.txt'), text)
      const model = { dim: 16, layers: 2, heads: 2, ffnHidden: 32, maxLength: 16, kind: 'stem' }
      const training = { steps: 4, batchSize: 2, warmup: 1 }
      const data = { train: 'text.txt', heldOut: 0.1 }
      const config = { model, tokenizer: { vocabSize: 300 }, data, training, store: { url: 'ram:./rows.bin' } }
      writeFileSync(join(user, 'run.yaml'), JSON.stringify({ ...config, plugins: ['./my-plugin/src/index.ts'] }))
      const trained = await run('npx', ['--no-install', 'stem', 'train', 'run.yaml', '--run', 'ram', '--json'], user)
      expect(trained.failed, trained.output).toBe(false)
      expect(statSync(join(user, 'rows.bin')).size).toBeGreaterThan(300 * 3 * 32 * 4)

      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const built = await run(process.execPath, [tsc, '--typeRoots', join(root, 'node_modules/@types')], template)
      expect(built.output).toBe('')
      symlinkSync(template, join(user, 'node_modules/stemkit-plugin-ram'))
      const args = ['generate', join('ram', 'model'), '--plugin', 'stemkit-plugin-ram', '--max-tokens', '3', '--json']
      const generated = await run('npx', ['--no-install', 'stem', ...args], user)
      expect(generated.failed, generated.output).toBe(false)
      expect(JSON.parse(generated.stdout)).toMatchObject({ usage: { completionTokens: 3 } })

      const [without, missing] = [args.filter((arg) => !/plugin/.test(arg)), 'stemkit-plugin-ran']
      const unknown = await run('npx', ['--no-install', 'stem', ...without], user)
      expect(unknown.output).toContain("no row driver for the URL scheme 'ram'")
      const absent = await run('npx', ['--no-install', 'stem', ...without, '--plugin', missing], user)
      expect(absent.output).toContain(`plugin ${missing}: no such package can be found`)
    },
    5 * MINUTE,
  )
})

test('a README is read for its install lines and its first example', () => {
  const text =
    '# a\n```sh\nnpm install a @b/c # why\nnpm i -D d\n```\n```js\nno\n```\n```ts\nconst x = 1\n```\n```ts\nno\n```\n'
  expect(parseReadme(text)).toEqual({ install: ['a', '@b/c', 'd'], example: 'const x = 1\n' })
  expect(parseReadme('# nothing')).toEqual({ install: [], example: undefined })
})
