import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { inChromium, program } from './chromium.ts'
import { near } from './near.ts'
import { trainPage } from './pages/train.ts'
import { visit } from './visit.ts'
import { workHere } from './work-here.ts'

const folder = tmpdir()

describe.skipIf(program === undefined)(inChromium('training'), () => {
  test.each([
    ['by optimiser threads', true],
    ['on the thread of a page that may not share memory', false],
  ])('has the losses that it has in Node, %s', async (_, isolated) => {
    const here = await workHere(trainPage, folder)
    expect(here.losses.at(-1)).toBeLessThan(here.losses[0]! - 0.5)
    const there = await visit(trainPage, { folder, isolated })
    expect(there).toEqual(near({ ...here, sharesMemory: isolated, started: isolated ? 2 : 0 }))
  })
})
