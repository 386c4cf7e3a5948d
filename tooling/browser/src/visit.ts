import { setTimeout as pause } from 'node:timers/promises'
import { bundle } from './bundle.ts'
import { openChromium, type ChromiumOptions } from './chromium.ts'
import type { Page } from './page.ts'
import { serveSite, type SiteOptions } from './serve-site.ts'

export interface VisitOptions extends Omit<SiteOptions, 'script'>, ChromiumOptions {
  /** Milliseconds until a page that has not answered is given up. Default: 90 s. */
  readonly patience?: number
}

/** What a page's work gives in Chromium. */
export const visit = async <Result>(page: Page<Result>, options: VisitOptions): Promise<Result> =>
  (await answerOf(await bundle(page.module), options)) as Result

/**
 * What the script of a page gives in Chromium.
 * @throws what went wrong in the page; that it has not answered in time
 */
export async function answerOf(script: string, { patience = 90_000, ...options }: VisitOptions): Promise<unknown> {
  const site = await serveSite({ ...options, script })
  try {
    const chromium = await openChromium(site.url, options)
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
