import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { findBreaches } from './architecture/rules.ts'
import { readWorkspace } from './architecture/workspace.ts'

test('the workspace keeps to its architecture', () => {
  const projects = readWorkspace(fileURLToPath(new URL('..', import.meta.url)))
  expect(projects.map(({ manifest }) => manifest.name)).toContain('@stemkit/spec')
  expect(findBreaches(projects)).toEqual([])
})

describe('the check finds', () => {
  const folders: string[] = []
  afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

  /** Breaches of a made-up workspace: `{ 'packages/spec': { files, and what differs in its package.json } }`. */
  function breaches(packages: Record<string, { manifest?: object; files: Record<string, string> }>): string[] {
    const root = mkdtempSync(join(tmpdir(), 'stemkit-architecture-'))
    folders.push(root)
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    for (const [folder, { manifest, files }] of Object.entries(packages)) {
      const name = folder.startsWith('apps/') ? folder.slice('apps/'.length) : folder.replace('packages/', '@stemkit/')
      const entries = Object.keys(files).filter((file) =>
        ['src/index.ts', 'src/node.ts', 'src/train.ts'].includes(file),
      )
      const subpath = (entry: string) => (entry === 'src/index.ts' ? '.' : `./${entry.slice(4, -3)}`)
      const dist = (entry: string) => ({
        types: `./${entry.replace('src', 'dist').replace('.ts', '.d.ts')}`,
        default: `./${entry.replace('src', 'dist').replace('.ts', '.js')}`,
      })
      const exports = Object.fromEntries(entries.map((entry) => [subpath(entry), `./${entry}`]))
      const published = Object.fromEntries(entries.map((entry) => [subpath(entry), dist(entry)]))
      const json = { name, exports, publishConfig: { exports: published }, ...manifest }
      write(`${folder}/package.json`, JSON.stringify(json))
      for (const [path, text] of Object.entries(files)) write(`${folder}/${path}`, text)
    }
    return findBreaches(readWorkspace(root))
  }

  const dependencies = (...names: string[]) => ({ dependencies: Object.fromEntries(names.map((name) => [name, '*'])) })

  test('nothing in a sound workspace', () => {
    const found = breaches({
      'packages/spec': { files: { 'src/index.ts': `export const a = 1` } },
      'packages/weights': {
        manifest: dependencies('@stemkit/spec'),
        files: {
          'src/index.ts': `import { a } from '@stemkit/spec'\nimport type { Stats } from 'node:fs'\nexport type { Stats }\nexport { a }`,
          'src/node.ts': `import { readFile } from 'node:fs/promises'\nexport * from './index.ts'\nexport { readFile }`,
          'src/index.test.ts': `import { test } from 'vitest'\nimport { join } from 'node:path'\ntest(join('a'), () => {})`,
        },
      },
      'packages/report': { files: { 'src/index.ts': `export const page = ''` } },
      'apps/stem': {
        manifest: dependencies('@stemkit/report', '@stemkit/weights'),
        files: { 'src/index.ts': `import '@stemkit/report'\nimport '@stemkit/weights/node'\nimport 'node:os'` },
      },
    })
    expect(found).toEqual([])
  })

  test('an import against the direction, whichever way it is written', () => {
    const found = breaches({
      'packages/spec': {
        manifest: dependencies('@stemkit/model'),
        files: { 'src/index.ts': `export const model = () => import('@stemkit/model')` },
      },
      'packages/model': {
        manifest: dependencies('@stemkit/compile'),
        files: { 'src/index.ts': `\nexport type Model = import('@stemkit/compile').Compiled` },
      },
    })
    expect(found).toEqual([
      'packages/model/src/index.ts:2 imports @stemkit/compile against the direction of dependencies',
      'packages/spec/src/index.ts:1 imports @stemkit/model against the direction of dependencies',
    ])
  })

  test('packages that reach for the report, and a report that reaches for packages', () => {
    const found = breaches({
      'packages/train': {
        manifest: dependencies('@stemkit/report'),
        files: { 'src/index.ts': `import '@stemkit/report'` },
      },
      'packages/report': {
        manifest: dependencies('@stemkit/spec'),
        files: { 'src/index.ts': `import '@stemkit/spec/errors'` },
      },
    })
    expect(found).toEqual([
      'packages/report/src/index.ts:1 imports @stemkit/spec; report stands alone',
      'packages/train/src/index.ts:1 imports @stemkit/report, which is for apps only',
    ])
  })

  test('a package without a layer', () => {
    const [found] = breaches({ 'packages/novel': { files: { 'src/index.ts': '' } } })
    expect(found).toContain('@stemkit/novel has no layer')
  })

  test('imports that package.json does not declare, but lets tests use development dependencies', () => {
    const found = breaches({
      'packages/data': {
        manifest: { devDependencies: { 'a-helper': '*' } },
        files: {
          'src/index.ts': `export * from './deep/used.ts'`,
          'src/deep/used.ts': `import 'a-helper'\nimport '@scope/missing/deep'`,
          'src/used.test.ts': `import 'a-helper'\nimport 'missing-too'`,
        },
      },
    })
    expect(found).toEqual([
      'packages/data/src/deep/used.ts:1 imports a-helper, which package.json does not list as a dependency or peer',
      'packages/data/src/deep/used.ts:2 imports @scope/missing, which package.json does not list as a dependency or peer',
      'packages/data/src/used.test.ts:2 imports missing-too, which package.json does not list',
    ])
  })

  test('what needs Node behind an entry that a browser loads', () => {
    const found = breaches({
      'packages/weights': { files: { 'src/index.ts': '', 'src/node.ts': `import 'node:fs'` } },
      'packages/tokenizer': {
        manifest: dependencies('@stemkit/spec', 'tokenizers'),
        files: {
          'src/index.ts': `export * from './load.ts'`,
          'src/load.ts': `export const load = () => import('./read.ts')\nconst url = new URL('./worker.ts', import.meta.url)`,
          'src/read.ts': `import fs from 'node:fs'\nimport path from 'path'`,
          'src/worker.ts': `import 'tokenizers'\nimport '@stemkit/spec/node'`,
          'src/train.ts': `import 'tokenizers'\nimport 'node:os'`,
        },
      },
    })
    expect(found).toEqual([
      'packages/tokenizer/src/read.ts:1 imports node:fs, but a browser loads this file',
      'packages/tokenizer/src/read.ts:2 imports path, but a browser loads this file',
      'packages/tokenizer/src/worker.ts:1 imports tokenizers, but a browser loads this file',
      'packages/tokenizer/src/worker.ts:2 imports @stemkit/spec/node, but a browser loads this file',
    ])
  })

  test('tfjs outside the tensor package, save backends in tests and apps', () => {
    const core = '@tensorflow/tfjs-core'
    const cpu = '@tensorflow/tfjs-backend-cpu'
    const found = breaches({
      'packages/tensor': { manifest: dependencies(core), files: { 'src/index.ts': `export * from '${core}'` } },
      'packages/model': {
        manifest: dependencies(core, cpu),
        files: { 'src/index.ts': `import '${core}'\nimport '${cpu}'`, 'src/index.test.ts': `import '${cpu}'` },
      },
      'apps/stem': { manifest: dependencies(cpu), files: { 'src/index.ts': `import '${cpu}'` } },
    })
    expect(found).toEqual([
      `packages/model/src/index.ts:1 imports ${core}; take it from @stemkit/tensor`,
      `packages/model/src/index.ts:2 imports ${cpu}; take it from @stemkit/tensor`,
    ])
  })

  test('entries that differ between the workspace and the published package', () => {
    const found = breaches({
      'packages/store': {
        manifest: {
          exports: { '.': './src/index.ts', './gone': './src/gone.ts', './here-only': './src/index.ts' },
          publishConfig: {
            exports: {
              '.': { types: './dist/other.d.ts', default: './dist/other.js' },
              './gone': { types: './dist/gone.d.ts', default: './dist/gone.js' },
              './there-only': { types: './dist/index.d.ts', default: './dist/index.js' },
            },
          },
        },
        files: { 'src/index.ts': '' },
      },
    })
    expect(found).toEqual([
      'packages/store: exports and publishConfig.exports disagree on .',
      'packages/store: exports names ./src/gone.ts, which does not exist',
      'packages/store: exports and publishConfig.exports disagree on ./here-only',
      'packages/store: exports and publishConfig.exports disagree on ./there-only',
    ])
  })
})
