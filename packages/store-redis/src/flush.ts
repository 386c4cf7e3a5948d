import { StemkitError } from '@stemkit/spec/errors'
import { formatMark, isBehind, parseMark } from './ledger.ts'
import type { Metas } from './metas.ts'
import type { Ask } from './router.ts'
import { ServerFailure, type Command, type Reply, type Server } from './server.ts'
import type { RowsParts } from './rows-parts.ts'

export interface FlushOptions extends RowsParts {
  readonly metas: Metas
  /** Whether to wait for the disk. */
  readonly waits: boolean
  /** How many replicas of each master to wait for. */
  readonly replicas: number
  /** Milliseconds that a server is given to sync or to reach its replicas before it is asked again. */
  readonly patience: number
}

/**
 * Makes sure that all writes are still there, waits for disks and replicas, and then notes at home which marks the shards
 * had, so that whoever opens the rows next can tell whether a node has come back without them.
 */
export async function flushRows(options: FlushOptions, signal?: AbortSignal): Promise<void> {
  const { router, home, shards, ledger, generations, rows, metas } = options
  ledger.check()
  const flushed = [...rows.unflushed].toSorted((a, b) => a - b)
  const left: Left = { shards: new Set(flushed), home: metas.unflushed }
  const free = await Promise.all(flushed.map((shard) => rows.reserve(shard)))
  try {
    while (left.shards.size > 0 || left.home) {
      const generation = left.shards.size === 0 ? 0 : await generations.current(signal)
      await router.persist(async (ask) => {
        const groups = Map.groupBy(left.shards, (shard) => router.serverOf(shards[shard]!.slot))
        const homeServer = router.serverOf(home.slot)
        if (left.home && !groups.has(homeServer)) groups.set(homeServer, [])
        const flushOne = async ([server, group]: [Server, number[]]): Promise<void> => {
          const homeHere = left.home && server === homeServer
          const applied = await flushServer(options, ask, server, group, generation, homeHere)
          for (const shard of applied) {
            left.shards.delete(shard)
            rows.unflushed.delete(shard)
          }
          if (homeHere) left.home = metas.unflushed = false
        }
        await Promise.all([...groups].map(flushOne))
      }, signal)
    }
    if (flushed.length === 0) return
    const marks = flushed.flatMap((shard) => [String(shard), formatMark(ledger.mark(shard))])
    await router.send(home.slot, [['HSET', `${home.keys}flushed`, ...marks]], signal)
  } finally {
    for (const leave of free) leave()
  }
}

interface Left {
  readonly shards: Set<number>
  home: boolean
}

/** All over one connection: who waits for the disk there waits for what it wrote there. Resolves to the shards done. */
async function flushServer(
  { home, rows, waits, replicas, patience }: FlushOptions,
  ask: Ask,
  server: Server,
  group: readonly number[],
  generation: number,
  homeHere: boolean,
): Promise<number[]> {
  const touches = group.map((shard) => rows.touch(shard, generation))
  const commands: Command[] = touches.map(({ command }) => command)
  if (homeHere) commands.push(['HSET', `${home.keys}flushed`, 'at', new Date().toISOString()])
  if (replicas > 0) commands.push(['WAIT', String(replicas), String(patience)])
  if (waits) commands.push(['WAITAOF', '1', '0', String(patience)])
  const replies = await ask(server, commands)

  const applied = group.filter((_, i) => touches[i]!.settle(replies[i]))
  const synced = waits ? Number((replies.pop() as readonly Reply[])[0]) : 1
  const reached = replicas > 0 ? Number(replies.pop()) : 0
  if (synced < 1) throw new ServerFailure(server.name, `has not synced its append-only file within ${patience} ms`)
  if (reached < replicas)
    throw new ServerFailure(server.name, `only ${reached} of ${replicas} replicas have what was written`)
  return applied
}

/**
 * Holds the marks against what the last flush noted. A node that has come back without flushed writes is found here, be the
 * other nodes ever so whole. The marks have to be surveyed already.
 * @throws corrupt
 */
export async function checkFlushed(
  { where, router, home, shards, ledger }: Pick<RowsParts, 'where' | 'router' | 'home' | 'shards' | 'ledger'>,
  signal?: AbortSignal,
): Promise<void> {
  const [reply] = await router.send(
    home.slot,
    [['HMGET', `${home.keys}flushed`, ...shards.map((_, i) => String(i))]],
    signal,
  )
  for (const [shard, noted] of (reply as readonly Reply[]).entries()) {
    if (!isBehind(ledger.mark(shard), parseMark(noted))) continue
    const server = router.serverOf(shards[shard]!.slot).name
    throw new StemkitError(
      'corrupt',
      `${where}: ${server} has lost rows that were flushed (it came back without them); restore its data, or make the rows anew`,
    )
  }
}
