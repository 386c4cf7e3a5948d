import { setTimeout as pause } from 'node:timers/promises'
import { bundle } from './bundle.ts'
import { openChromium } from './chromium.ts'
import type { Page } from './page.ts'
import { serveSite, type SiteOptions } from './serve-site.ts'

/** What a page's work gives in Chromium. */
export const visit = async <Result>(page: Page<Result>, options: Omit<SiteOptions, 'script'>): Promise<Result> =>
  (await answerOf({ ...options, script: await bundle(page.module) })) as Result

/**
 * What the script of a page gives in Chromium.
 * @throws what went wrong in the page; that there is no answer after `patience` milliseconds
 */
export async function answerOf({
  patience = 45_000,
  ...options
}: SiteOptions & { readonly patience?: number }): Promise<unknown> {
  const site = await serveSite(options)
  try {
    const chromium = await openChromium(site.url)
    try {
      const late = pause(patience, undefined, { ref: false }).then(() =>
        Promise.reject(new Error(`no answer after ${patience} ms; Chromium said: ${chromium.said()}`)),
      )
      const answer = await Promise.race([site.answered, chromium.ended, late])
      if ('error' in answer) throw new Error(`in the page: ${answer.error}`)
      return answer.result
    } finally {
      await chromium.close()
    }
  } finally {
    await site.close()
  }
}
