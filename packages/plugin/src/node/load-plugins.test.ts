import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPlugins, resolvePlugin } from '../node.ts'

let base: string
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'stemkit-plugin-'))
  const packaged = { name: 'a-plugin', type: 'module', exports: { '.': { import: './main.js' } } }
  const files: Record<string, string> = {
    'mine.ts': `interface Named { name: string }\nexport default { name: 'mine' } satisfies Named`,
    'folder/other.js': `export default { name: 'other' }`,
    'none.ts': `export const name = 'none'`,
    'typo.ts': `export default { name: 'typo', driver: {} }`,
    'throws.js': `throw new TypeError('no luck\\ntoday')`,
    'enum.ts': `enum Kind { A }\nexport default { name: String(Kind.A) }`,
    'lacks.js': `import 'not-there'\nexport default { name: 'lacks' }`,
    'node_modules/a-plugin/package.json': JSON.stringify(packaged),
    'node_modules/a-plugin/main.js': `export default { name: 'packaged' }`,
    'node_modules/typed/package.json': JSON.stringify({ name: 'typed', type: 'module', exports: './main.ts' }),
    'node_modules/typed/main.ts': `export default { name: 'typed' as string }`,
    'node_modules/closed/package.json': JSON.stringify({ name: 'closed', exports: { './inner': './inner.js' } }),
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true })
    await writeFile(join(base, path), text)
  }
})
afterAll(() => rm(base, { recursive: true }))

const namesOf = async (...specifiers: string[]): Promise<string[]> =>
  (await loadPlugins(specifiers, { base })).map(({ name }) => name)

test('files relative to the base, types and all, and packages that are installed there', async () => {
  expect(await namesOf('./mine.ts', 'a-plugin', './folder/other.js')).toEqual(['mine', 'packaged', 'other'])
  expect(await namesOf(join(base, 'mine.ts'))).toEqual(['mine'])
  expect(await namesOf()).toEqual([])
})

test('one that is named twice is loaded once', async () => {
  expect(await namesOf('./mine.ts', './folder/../mine.ts', join(base, 'mine.ts'))).toEqual(['mine'])
})

test('a relative path can be made to mean the same from everywhere', () => {
  expect(resolvePlugin('./mine.ts', base)).toBe(join(base, 'mine.ts'))
  expect(resolvePlugin('../mine.ts', join(base, 'folder'))).toBe(join(base, 'mine.ts'))
  expect(resolvePlugin('a-plugin', base)).toBe('a-plugin')
  expect(resolvePlugin('@scope/a-plugin/rows', base)).toBe('@scope/a-plugin/rows')
})

describe('says which plugin, what is wrong and what to do', () => {
  test.each<[string, string | RegExp]>([
    ['./absent.ts', /^plugin \.\/absent\.ts: there is no .*absent\.ts; correct the path$/],
    ['./folder', /^plugin \.\/folder: .* is a folder; name the file in it$/],
    ['not-installed', /^plugin not-installed: no such package can be found from .*; npm install not-installed$/],
    ['mine.ts', /^plugin mine\.ts: no such package can be found from .*; write \.\/mine\.ts for a file$/],
    ['closed', /^plugin closed: .*exports/],
    ['./none.ts', 'plugin ./none.ts: it has no default export; write `export default definePlugin({ name, ... })`'],
    ['./typo.ts', 'plugin ./typo.ts: plugin typo: unknown key driver; did you mean drivers?'],
    ['./throws.js', 'plugin ./throws.js: loading it failed: TypeError: no luck'],
    ['./lacks.js', /^plugin \.\/lacks\.js: loading it failed: .*not-there/],
  ])('%s', async (specifier, message) => {
    const error = (await loadPlugins([specifier], { base }).catch((reason: unknown) => reason)) as Error
    if (typeof message === 'string') expect(error.message).toBe(message)
    else expect(error.message).toMatch(message)
    expect(error.message).not.toContain('\n')
  })
})

/** In a Node of its own, since here types are stripped by the test runner. */
test('what Node cannot load as TypeScript is explained', async () => {
  const code = `
    import { loadPlugins } from ${JSON.stringify(new URL('../node.ts', import.meta.url).href)}
    for (const specifier of ['./mine.ts', './enum.ts', 'typed'])
      console.log(await loadPlugins([specifier]).then(([plugin]) => plugin.name, (error) => error.message))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], { cwd: base })
  expect(stdout.trim().split('\n')).toEqual([
    'mine',
    expect.stringMatching(/^plugin \.\/enum\.ts: loading it failed: SyntaxError: .*enum/),
    'plugin typed: it is TypeScript inside node_modules, where Node strips no types; a package has to ship JavaScript',
  ])
})

test('an abort is heeded', async () => {
  const signal = AbortSignal.abort(new Error('stopped'))
  await expect(loadPlugins(['./mine.ts'], { base, signal })).rejects.toThrow('stopped')
})
