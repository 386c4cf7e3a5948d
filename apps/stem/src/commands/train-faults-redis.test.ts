import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  missing,
  program,
  startCluster,
  startServer,
  untilTrue,
} from '../../../../packages/store-redis/src/testing/servers.ts'
import { failedWith, makeFaultRuns, stored, type FaultRuns } from '../testing/fault-runs.ts'

const MINUTES = 60_000 * 5

let dir: string
let runs: FaultRuns
let resident: unknown[]
beforeAll(async () => {
  if (program === undefined) return
  dir = await mkdtemp(join(tmpdir(), 'stem-faults-redis-'))
  runs = await makeFaultRuns(dir)
  expect(await runs.train('resident')).toMatchObject({ code: 0 })
  resident = await runs.curveOf('resident')
}, MINUTES)
afterAll(async () => {
  if (program !== undefined) await rm(dir, { recursive: true })
})

/** It has not come to its end, so that what happened did so in the middle. */
const isUnderWay = async (run: string): Promise<boolean> => (await runs.curveOf(run)).length < resident.length

const title = `stem train with its tables in Redis${program === undefined ? `: ${missing}` : ''}`
describe.skipIf(program === undefined)(title, () => {
  test(
    'hardly notices a server that is killed and started again',
    async () => {
      const server = await startServer()
      try {
        const training = runs.train('killed', ...stored(`${server.url}?prefix=killed`))
        for (const steps of [8, 25]) {
          await runs.taken('killed', steps)
          await server.kill()
          expect(await isUnderWay('killed')).toBe(true)
          await server.start()
        }
        expect(await training).toMatchObject({ code: 0 })
        expect(await runs.curveOf('killed')).toEqual(resident)
      } finally {
        await server.remove()
      }
    },
    MINUTES,
  )

  test(
    'gives up in one line when the server stays away, and goes on when it is back',
    async () => {
      const server = await startServer()
      try {
        const rows = stored(`${server.url}?prefix=away&timeout=2500`)
        // A process of its own: its lock, which it can give back to nobody, ends with it.
        const training = runs.start('away', ...rows)
        await runs.taken('away', 10)
        await server.kill()
        expect(await training.ended).toMatchObject(failedWith(new RegExp(`redis 127.0.0.1:${server.port}: .*2500 ms`)))
        expect(await isUnderWay('away')).toBe(true)
        expect(await runs.train('away', '--resume', ...rows)).toMatchObject(failedWith(/redis 127.0.0.1/))
        await server.start()
        expect(await runs.train('away', '--resume', ...rows)).toMatchObject({ code: 0 })
        expect(await runs.curveOf('away')).toEqual(resident)
      } finally {
        await server.remove()
      }
    },
    MINUTES,
  )

  test(
    'stops in one line at a server that has forgotten what it acknowledged, and takes no other rows for its own',
    async () => {
      // It keeps what was saved by hand, and nothing since.
      const server = await startServer([])
      try {
        const rows = stored(`${server.url}?prefix=forgetful`)
        const training = runs.train('forgetful', ...rows)
        await runs.taken('forgetful', 8)
        await server.ask('SAVE')
        await runs.taken('forgetful', 25)
        await server.kill()
        await server.start()
        expect(await training).toMatchObject(failedWith(/lost/))
        const noted = await runs.curveOf('forgetful')
        expect(noted).toEqual(resident.slice(0, noted.length))
        expect(await runs.train('forgetful', '--resume', ...rows)).toMatchObject(failedWith(/version \d+/))
      } finally {
        await server.remove()
      }
    },
    MINUTES,
  )

  test(
    'goes on over a cluster of which a node dies and its replica takes over',
    async () => {
      const cluster = await startCluster()
      try {
        const [master, replica] = [cluster.masters[2]!, cluster.replica]
        const training = runs.start('cluster', ...stored(`${cluster.url}?prefix=cluster&timeout=60000`))
        await runs.taken('cluster', 10)
        // A replica that takes over may lack the last writes. Here it has them all, as nothing more is written.
        training.process.kill('SIGSTOP')
        await untilTrue(async () => {
          const [here, there] = await Promise.all([master, replica].map((node) => node.ask('INFO', 'replication')))
          const offset = /master_repl_offset:(\d+)/
          return offset.exec(String(here))![1] === offset.exec(String(there))![1]
        }, 'the replica to have everything')
        expect(await isUnderWay('cluster')).toBe(true)
        await master.kill()
        training.process.kill('SIGCONT')
        await untilTrue(
          async () => String(await replica.ask('ROLE')).startsWith('master'),
          'the replica to take over',
          60_000,
        )
        expect(await training.ended).toMatchObject({ code: 0 })
        expect(await runs.curveOf('cluster')).toEqual(resident)
      } finally {
        await cluster.remove()
      }
    },
    MINUTES,
  )
})
