import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { inChromium, openChromium, program } from './chromium.ts'
import { failingPage } from './testing/failing-page.ts'
import { throwingLaterPage } from './testing/throwing-later-page.ts'
import { answerOf, visit } from './visit.ts'

const site = { folder: tmpdir(), isolated: false }

describe.skipIf(program === undefined)(inChromium('a visit'), () => {
  test('fails with what went wrong in the page', async () => {
    await expect(visit(failingPage, site)).rejects.toThrow('in the page: TypeError: no luck')
    await expect(visit(throwingLaterPage, site)).rejects.toThrow('in the page: TypeError: no luck later')
  })

  test('gives up a page that does not answer', async () => {
    await expect(answerOf('for (;;);', { ...site, patience: 1500 })).rejects.toThrow('no answer after 1500 ms')
  })

  test('leaves nothing behind', async () => {
    const { pid, profile, ended, close } = await openChromium('about:blank')
    expect(existsSync(profile)).toBe(true)
    await close()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect(existsSync(profile)).toBe(false)
    await expect(ended).rejects.toThrow('it ended with')
  })

  test('ends with a Chromium that ends by itself', async () => {
    const { pid, ended, close } = await openChromium('about:blank')
    process.kill(pid, 'SIGKILL')
    await expect(ended).rejects.toThrow('it ended with SIGKILL')
    await close()
  })
})
