import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { browserEntries } from '../../architecture/rules.ts'
import { publicProjects } from '../../publish/public-projects.ts'
import { bundle } from './bundle.ts'
import { inChromium, program } from './chromium.ts'
import { entriesPage } from './pages/entries.ts'
import { visit } from './visit.ts'

const packages = publicProjects().filter(({ folder }) => dirname(folder).endsWith('packages'))

describe.skipIf(program === undefined)(inChromium('a page'), { timeout: 120_000 }, () => {
  test('loads every entry that is not for Node', async () => {
    const here = await entriesPage.work({ files: '', spawn: () => ({ terminate() {} }) })
    const names = packages.flatMap(({ manifest }) => browserEntries(manifest).map(([name]) => name))
    expect(Object.keys(here).toSorted()).toEqual(names.toSorted())
    expect(await visit(entriesPage, { folder: tmpdir(), isolated: false })).toEqual(here)
  })
})

test.each([
  ['generate', 210],
  ['train', 160],
])('what a browser loads to %s is at most %i kB', async (name, most) => {
  const script = await bundle(new URL(`pages/${name}.ts`, import.meta.url).href, { minify: true })
  expect(gzipSync(script).length / 1000).toBeLessThan(most)
})
