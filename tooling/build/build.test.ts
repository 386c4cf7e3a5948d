import { execFileSync, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { publishedEntries } from './entries.ts'

const config = fileURLToPath(new URL('../tsup.config.ts', import.meta.url))
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url))
const build = (root: string) =>
  spawnSync(process.execPath, [join(modules, 'tsup/dist/cli-default.js'), '--config', config], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  })

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

function madeUpPackage(files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'stemkit-build-'))
  folders.push(root)
  const manifest = {
    name: 'made-up',
    type: 'module',
    publishConfig: {
      exports: {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './node': { types: './dist/node.d.ts', default: './dist/node.js' },
        './package.json': './package.json',
      },
      bin: { 'made-up': './dist/main.js' },
    },
  }
  for (const [path, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  symlinkSync(modules, join(root, 'node_modules'))
  return root
}

describe('the build preset', () => {
  let root: string
  beforeAll(() => {
    root = madeUpPackage({
      'generated/answer.js': 'export const answer = 42\n',
      'generated/answer.d.ts': 'export declare const answer: number\n',
      'src/shared.ts': 'export const only = Symbol.for("once")\n',
      'src/index.ts': `import { answer } from '../generated/answer.js'\nexport { only } from './shared.ts'\nexport const twice = (): number => answer * 2\n`,
      'src/node.ts': `import { readFile } from 'node:fs/promises'\nexport { only } from './shared.ts'\nexport const read = (path: string): Promise<string> => readFile(path, 'utf8')`,
      'src/main.ts': `#!/usr/bin/env node\nconsole.log('hello from', process.argv[2] satisfies string | undefined)\n`,
    })
    const { status, stdout, stderr } = build(root)
    expect(status, stdout + stderr).toBe(0)
  }, 60_000)

  test('builds every published entry with its types, following imports that end in .ts', () => {
    expect(readdirSync(join(root, 'dist'))).toEqual(
      expect.arrayContaining(['index.js', 'index.js.map', 'index.d.ts', 'node.js', 'node.d.ts', 'main.js']),
    )
  })

  test('takes generated code in, types included', async () => {
    const { twice } = (await import(pathToFileURL(join(root, 'dist/index.js')).href)) as { twice: () => number }
    expect(twice()).toBe(84)
    expect(readFileSync(join(root, 'dist/index.d.ts'), 'utf8')).toContain('twice: () => number')
  })

  test('keeps one copy of what two entries share, and the node: prefix of built-in modules', () => {
    const js = readdirSync(join(root, 'dist')).filter((name) => name.endsWith('.js'))
    const texts = js.map((name) => readFileSync(join(root, 'dist', name), 'utf8'))
    expect(texts.filter((text) => text.includes('Symbol.for("once")'))).toHaveLength(1)
    expect(readFileSync(join(root, 'dist/node.js'), 'utf8')).toContain('"node:fs/promises"')
  })

  test('makes bins executable', () => {
    const bin = join(root, 'dist/main.js')
    expect(statSync(bin).mode & 0o111).not.toBe(0)
    expect(execFileSync(bin, ['here'], { encoding: 'utf8' })).toBe('hello from here\n')
  })
})

test('a published entry is a file directly in dist', () => {
  const nested = { name: 'made-up', version: '0.0.0', publishConfig: { exports: { '.': './dist/deep/index.js' } } }
  expect(() => publishedEntries(nested)).toThrow('made-up: publishConfig names ./dist/deep/index.js')
})
