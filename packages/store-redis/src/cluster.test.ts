import { rowDriverConformance } from '@stemkit/spec/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { redisRows } from './index.ts'
import { homeOf, shardsOf } from './slots.ts'
import { bytesOf, failure, filled, upTo, whole } from './testing/rows.ts'
import { missing, program, startCluster, untilTrue, type TestCluster, type TestServer } from './testing/servers.ts'

let cluster: TestCluster
let tables = 0
const newUrl = (): string => `${cluster.url}?prefix=table${tables++}&timeout=15000`

/** A prefix whose home, where its metas are, lies on a given master. */
function prefixOn(master: number): string {
  for (;;) {
    const prefix = `on${master}.${tables++}`
    if (Math.floor((homeOf(prefix).slot * 3) / 16384) === master) return prefix
  }
}

describe.skipIf(program === undefined)(`rows over a cluster${program === undefined ? `: ${missing}` : ''}`, () => {
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster.remove())

  const urls = new WeakMap<object, string>()
  rowDriverConformance(test, {
    async open(create) {
      const url = newUrl()
      const driver = await redisRows({ url, create })
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

  test('are spread evenly, in the slots that the servers compute, and found from any node', async () => {
    const before = await Promise.all(cluster.masters.map((node) => node.ask('DBSIZE')))
    const rows = whole(await redisRows({ url: cluster.url, prefix: 'spread', create: { rows: 960, rowBytes: 8 } }))
    await rows.write(upTo(960), filled(upTo(960), 8, 5))
    const after = await Promise.all(cluster.masters.map((node) => node.ask('DBSIZE')))
    for (const [node, keys] of after.entries()) {
      const added = Number(keys) - Number(before[node])
      expect(added).toBeGreaterThan(280)
      expect(added).toBeLessThan(360)
    }
    for (const { keys, slot } of shardsOf('spread', 48)) {
      expect(await cluster.masters[0]!.ask('CLUSTER', 'KEYSLOT', `${keys}17`)).toBe(slot)
    }
    const other = await redisRows({ url: `redis://127.0.0.1:${cluster.replica.port}?prefix=spread` })
    expect(new Set(await bytesOf(other))).toEqual(new Set([5]))
    await Promise.all([rows.dispose(), other.dispose()])
  })

  test('follow a slot that moves from node to node', async () => {
    const prefix = prefixOn(0)
    const rows = whole(await redisRows({ url: cluster.url, prefix, shards: 1, create: { rows: 20, rowBytes: 3000 } }))
    const all = upTo(20)
    await rows.write(all, filled(all, 3000, 1))
    const slot = String(shardsOf(prefix, 1)[0]!.slot)
    const owner = Math.floor((Number(slot) * 3) / 16384)
    const [from, to] = [cluster.masters[owner]!, cluster.masters[(owner + 1) % 2]!]
    const [fromId, toId] = [String(await from.ask('CLUSTER', 'MYID')), String(await to.ask('CLUSTER', 'MYID'))]
    await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    expect(new Set(await bytesOf(rows))).toEqual(new Set([1]))
    const keys = (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[]
    const half = keys.slice(0, 10)
    await from.ask('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...half)
    // Half here and half there: no node can do it now, so it waits.
    const reading = bytesOf(rows)
    await from.ask('MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS', ...keys.slice(10))
    expect(new Set(await reading)).toEqual(new Set([1]))
    // All keys there, the slot still here: reads are sent on, what makes new keys waits.
    expect(new Set(await bytesOf(rows))).toEqual(new Set([1]))
    const writing = rows.write(all, filled(all, 3000, 2))
    for (const node of [to, from]) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
    await writing
    expect(new Set(await bytesOf(rows))).toEqual(new Set([2]))
    await rows.write(all, filled(all, 3000, 3))
    await rows.flush()
    expect(new Set(await bytesOf(rows))).toEqual(new Set([3]))
    await rows.dispose()
  })

  test('outlive a node that is killed and started again, with its lock and metas', async () => {
    const url = `${cluster.url}?prefix=${prefixOn(1)}`
    const rows = whole(await redisRows({ url, create: { rows: 300, rowBytes: 40 } }))
    const lock = await rows.lock()
    const all = upTo(300)
    await rows.write(all, filled(all, 40, 1))
    const writing = rows.write(all, filled(all, 40, 2)).then(() => rows.flush())
    await cluster.masters[1]!.kill()
    await cluster.masters[1]!.start()
    await writing
    await rows.meta.put('root', Uint8Array.of(2))
    expect(new Set(await bytesOf(rows))).toEqual(new Set([2]))
    expect(lock.lost.aborted).toBe(false)
    await rows.dispose()
  })

  describe('when a master dies and its replica takes over', () => {
    /** Kills a master, and waits until its replica is one and the others know. */
    const failOver = async (master: TestServer, replica: TestServer): Promise<void> => {
      await master.kill()
      await untilTrue(async () => String(await replica.ask('ROLE')).startsWith('master'), 'the replica to take over')
    }
    /** Starts it as the replica that it is from then on. */
    const comeBack = async (server: TestServer): Promise<void> => {
      await server.start()
      await untilTrue(async () => String(await server.ask('ROLE')).includes('connected'), 'the old master to follow')
    }

    test('reads and writes go on, and nothing that the replica had is lost', async () => {
      const url = newUrl()
      const rows = whole(await redisRows({ url, create: { rows: 300, rowBytes: 40 } }))
      const all = upTo(300)
      const lock = await rows.lock()
      await rows.write(all, filled(all, 40, 1))
      await rows.flush()
      const [master, replica] = [cluster.masters[2]!, cluster.replica]
      await untilTrue(async () => {
        const [here, there] = await Promise.all([master, replica].map((node) => node.ask('INFO', 'replication')))
        const offset = /master_repl_offset:(\d+)/
        return offset.exec(String(here))![1] === offset.exec(String(there))![1]
      }, 'the replica to have everything')
      const fallen = failOver(master, replica)
      const reading = bytesOf(rows)
      await fallen
      expect(new Set(await reading)).toEqual(new Set([1]))
      await rows.write(all, filled(all, 40, 2))
      await rows.flush()
      expect(new Set(await bytesOf(rows))).toEqual(new Set([2]))
      expect(lock.lost.aborted).toBe(false)
      await rows.dispose()
      await comeBack(master)
    })

    test('writes that the replica had not got are noticed, in use and when opened again', async () => {
      // The former replica is the master now.
      const [master, replica] = [cluster.replica, cluster.masters[2]!]
      const url = `${cluster.url}?prefix=${prefixOn(0)}&timeout=15000`
      const rows = whole(await redisRows({ url, create: { rows: 300, rowBytes: 40 } }))
      const all = upTo(300)
      await rows.write(all, filled(all, 40, 1))
      await rows.flush()
      await replica.kill()
      await rows.write(all, filled(all, 40, 2))
      await rows.flush()
      await master.kill()
      await replica.start()
      await failOver(master, replica)
      const error = await failure(bytesOf(rows))
      expect(error).toMatchObject({ code: 'io', message: expect.stringContaining('has lost writes') })
      await rows.dispose()
      const opened = await failure(redisRows({ url }))
      expect(opened).toMatchObject({
        code: 'corrupt',
        message: expect.stringContaining(`${replica.port} has lost rows that were flushed`),
      })
    })
  })
})
