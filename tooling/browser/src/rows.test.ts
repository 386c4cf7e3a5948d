import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inChromium, program } from './chromium.ts'
import { near } from './testing/near.ts'
import { rowsPage } from './pages/rows.ts'
import { serveAndEvaluatePage } from './pages/serve-and-evaluate.ts'
import { visit } from './visit.ts'
import { workHere } from './work-here.ts'
import { writeModels } from './write-models.ts'

describe.skipIf(program === undefined)(inChromium('a page'), { timeout: 120_000 }, () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stemkit-pages-'))
    await writeModels(folder)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('texts have the tokens, rows over HTTP the bytes and edits the effects that they have in Node', async () => {
    const here = await workHere(rowsPage, folder)
    const there = await visit(rowsPage, { folder, isolated: true, elsewhere: true })
    expect(there).toEqual(near(here))
    expect(there.gathered).toEqual(here.gathered)
    expect(there.texts.map(({ text }) => text)).toEqual(there.strings)
    expect(there.hits).toBeGreaterThan(0)
    const [preview] = there.previews
    expect(preview!.after.tokens).not.toEqual(preview!.before.tokens)
  })

  test('a task has the scores and a server the answers that they have in Node', async () => {
    const here = await workHere(serveAndEvaluatePage, folder)
    const there = await visit(serveAndEvaluatePage, { folder, isolated: false })
    expect(there).toEqual(near(here))
    expect(there.table).toContain('acc_norm')
    expect(there.choices).toMatchObject([{ finish_reason: 'length' }])
  })
})
