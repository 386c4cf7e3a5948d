import { spawnWorker } from '@stemkit/threads/node'
import type { Page } from './page.ts'
import { serveSite } from './serve-site.ts'

/** What a page's work gives in this process, over the same files. */
export async function workHere<Result>(page: Page<Result>, folder: string): Promise<Result> {
  const site = await serveSite({ folder, script: '', isolated: true })
  try {
    const result = await page.work({ files: site.files, spawn: spawnWorker })
    return JSON.parse(JSON.stringify(result)) as Result
  } finally {
    await site.close()
  }
}
