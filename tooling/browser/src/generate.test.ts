import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inChromium, program } from './chromium.ts'
import { near } from './near.ts'
import { generatePage } from './pages/generate.ts'
import { visit } from './visit.ts'
import { workHere } from './work-here.ts'
import { writeModels } from './write-models.ts'

describe.skipIf(program === undefined)(inChromium('a model at a URL'), () => {
  let folder: string
  let here: Awaited<ReturnType<typeof generatePage.work>>
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stemkit-pages-'))
    await writeModels(folder)
    here = await workHere(generatePage, folder)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('gives the tokens and scores that it gives in Node, and steps by threads do', async () => {
    const there = await visit(generatePage, { folder, isolated: true })
    expect(there).toEqual(near(here))
    expect(there).toMatchObject({ sharesMemory: true, started: 2 })
    expect(there.rowsApart).toEqual({ ...there.whole, store: true })
    expect(there.packedByThreads.tokens).toEqual(there.packed.tokens)
    // Another sum, of inputs that are rounded to 8 bits: so it was computed by the threads.
    expect(there.packedByThreads.logprobs).not.toEqual(there.packed.logprobs)
  })

  test('gives the same where a page may not share memory, on the thread of the page', async () => {
    const there = await visit(generatePage, { folder, isolated: false })
    expect(there).toEqual(near({ ...here, sharesMemory: false, started: 0 }))
    expect(there.packedByThreads.logprobs).not.toEqual(there.packed.logprobs)
  })
})
