import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { RowDriver } from '@stemkit/spec/row-driver'
import { rowDriverConformance } from '@stemkit/spec/testing'
import { openRam } from '../src/index.ts'

const folder = await mkdtemp(join(tmpdir(), 'plugin-ram-'))
after(() => rm(folder, { recursive: true }))

const urls = new WeakMap<RowDriver, string>()
const remember = (driver: RowDriver, url: string): RowDriver => {
  urls.set(driver, url)
  return driver
}

let tables = 0
rowDriverConformance(test, {
  async open(geometry) {
    const url = `ram:${join(folder, `${tables++}.bin`)}`
    return remember(await openRam(url, { create: geometry }), url)
  },
  async reopen(driver) {
    const url = urls.get(driver)!
    return remember(await openRam(url), url)
  },
  exempt: {
    lock: 'the file is for one opener at a time',
    'meta: of puts that race over one version exactly one wins': 'the file is for one opener at a time',
  },
})
