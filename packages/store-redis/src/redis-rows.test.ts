import { rowDriverConformance } from '@stemkit/spec/testing'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { redisRows } from './index.ts'
import { missing, program, startServer, type TestServer } from './testing/servers.ts'

let server: TestServer
let tables = 0
const urls = new WeakMap<object, string>()

describe.skipIf(program === undefined)(`rows on one server (skipped with ${missing})`, () => {
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server.remove())

  rowDriverConformance(test, {
    async open(geometry) {
      const url = `${server.url}?prefix=table${tables++}`
      const driver = await redisRows({ url, create: geometry })
      urls.set(driver, url)
      return driver
    },
    async reopen(driver) {
      const url = urls.get(driver)!
      const again = await redisRows({ url })
      urls.set(again, url)
      return again
    },
  })
})
