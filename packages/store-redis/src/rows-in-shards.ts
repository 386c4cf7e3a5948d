import { StemkitError } from '@stemkit/spec/errors'
import type { Generations } from './generations.ts'
import { parseMark, type Ledger } from './ledger.ts'
import type { Router } from './router.ts'
import { RENAME, WRITE } from './scripts.ts'
import type { Command, Reply, Sink } from './resp.ts'
import type { Shard } from './slots.ts'
import { allOf, openRoom } from './waiting.ts'

/** Rows over shards, row `id` in shard `id % shards.length`. Ids are checked, and calls kept in order, by the caller. */
export interface RowsInShards {
  read(ids: Uint32Array, into: Uint8Array, signal?: AbortSignal): Promise<void>
  write(ids: Uint32Array, from: Uint8Array, signal?: AbortSignal): Promise<void>
  /** Asks every shard for its mark. */
  survey(signal?: AbortSignal): Promise<void>
  /** Gives every shard a mark of the generation that is current, so that older ones are refused from then on. */
  claim(signal?: AbortSignal): Promise<void>
  /** Shards written since they were last flushed. */
  readonly unflushed: Set<number>
  /** Keeps others from writing to a shard. Resolves to what lets them again. */
  reserve(shard: number, signal?: AbortSignal): Promise<() => void>
  /** The command that moves the mark of a shard, which is reserved. */
  touch(shard: number, generation: number): { readonly command: Command; settle(reply: Reply | undefined): boolean }
}

export interface RowsInShardsOptions {
  readonly router: Router
  readonly shards: readonly Shard[]
  readonly rowBytes: number
  readonly ledger: Ledger
  readonly generations: Generations
}

/** Servers put longer replies together more slowly, and do nothing else meanwhile. */
const BYTES_AT_ONCE = 2 ** 20
const ROWS_AT_ONCE = 1024
const BYTES_UNDER_WAY = 2 ** 24
/** From here on, copying a row through Lua costs a server more than renaming its key. */
const LONG_ROW = 2048

interface Part {
  readonly shard: number
  /** Where in the caller's ids its rows are. */
  readonly places: readonly number[]
}

export function rowsInShards({ router, shards, rowBytes, ledger, generations }: RowsInShardsOptions): RowsInShards {
  const counts = new Float64Array(shards.length)
  const lanes = shards.map(() => openRoom(1))
  const room = openRoom(BYTES_UNDER_WAY)
  const unflushed = new Set<number>()

  const most = Math.max(1, Math.min(ROWS_AT_ONCE, Math.floor(BYTES_AT_ONCE / rowBytes)))
  const partsOf = (ids: Uint32Array): Part[] => {
    const places: number[][] = shards.map(() => [])
    ids.forEach((id, place) => places[id % shards.length]!.push(place))
    return places.flatMap((all, shard) =>
      Array.from({ length: Math.ceil(all.length / most) }, (_, i) => ({
        shard,
        places: all.slice(i * most, (i + 1) * most),
      })),
    )
  }

  /** What a script needs to know of the mark, and what its answer says: whether it was applied. */
  const nextMark = (shard: number, generation: number) => {
    const known = ledger.mark(shard)
    const mark = { generation, count: ++counts[shard]! }
    const settle = (reply: Reply | undefined): boolean => {
      const [verdict, found] = reply as readonly Reply[]
      if (String(verdict) === 'lost') throw ledger.lose(shard)
      if (String(verdict) === 'fenced') {
        generations.overtaken(generation, parseMark(found).generation)
        return false
      }
      ledger.advance(shard, mark)
      return true
    }
    return {
      key: `${shards[shard]!.keys}mark`,
      args: [generation, mark.count, known.generation, known.count].map(String),
      settle,
    }
  }

  const touch = (shard: number, generation: number) => {
    const { key, args, settle } = nextMark(shard, generation)
    return { command: ['EVAL', WRITE, '1', key, ...args], settle }
  }

  const shortRows = (
    keys: readonly string[],
    rows: readonly Uint8Array[],
    { key, args }: ReturnType<typeof nextMark>,
  ) => {
    const command: Command = ['EVAL', WRITE, String(1 + keys.length), key, ...keys, ...args, ...rows]
    return { commands: [command], answer: (replies: readonly Reply[]) => replies[0] }
  }

  const longRows = (
    keys: readonly string[],
    rows: readonly Uint8Array[],
    { key, args }: ReturnType<typeof nextMark>,
  ) => {
    const aside = keys.map((_, i) => `${key}+${i}`)
    const set: Command = ['MSET', ...aside.flatMap((name, i) => [name, rows[i]!])]
    const pairs = aside.flatMap((name, i) => [name, keys[i]!])
    const rename: Command = ['EVAL', RENAME, String(1 + pairs.length), key, ...pairs, ...args]
    return {
      commands: [['MULTI'], set, rename, ['EXEC']] as Command[],
      answer: (replies: readonly Reply[]) => (replies[3] as readonly Reply[])[1],
    }
  }

  const apply = async (shard: number, keys: readonly string[], rows: readonly Uint8Array[], signal: AbortSignal) => {
    for (let applied = false; !applied;) {
      ledger.check()
      const mark = nextMark(shard, await generations.current(signal))
      const { commands, answer } = (rowBytes < LONG_ROW || keys.length === 0 ? shortRows : longRows)(keys, rows, mark)
      applied = mark.settle(answer(await router.send(shards[shard]!.slot, commands, signal)))
    }
  }

  const readPart = async ({ shard, places }: Part, ids: Uint32Array, into: Uint8Array, signal: AbortSignal) => {
    const { keys, slot } = shards[shard]!
    const expected = ledger.mark(shard)
    const command = ['MGET', `${keys}mark`, ...places.map((place) => keys + ids[place]!)]
    const viewOf = (i: number): Uint8Array => into.subarray(places[i]! * rowBytes, (places[i]! + 1) * rowBytes)
    let over = false
    const sink: Sink = {
      place: (index, length) => (index > 0 && length === rowBytes ? viewOf(index - 1) : undefined),
      get closed() {
        return over || signal.aborted
      },
    }
    try {
      const [reply] = await router.send(slot, [command], signal, sink)
      const [mark, ...rows] = reply as readonly Reply[]
      ledger.observe(shard, parseMark(mark), expected)
      for (const [i, row] of rows.entries()) {
        if (row === null) viewOf(i).fill(0)
        else if (typeof row !== 'number') throw notARow(router.serverOf(slot).name, command[i + 2]!, row as Buffer)
      }
    } finally {
      over = true
    }
  }

  const notARow = (server: string, key: string, { length }: Buffer): StemkitError =>
    new StemkitError('corrupt', `redis ${server}: key ${key} has ${length} bytes, a row has ${rowBytes}`)

  const writePart = async ({ shard, places }: Part, ids: Uint32Array, from: Uint8Array, signal: AbortSignal) => {
    unflushed.add(shard)
    const keys = places.map((place) => shards[shard]!.keys + ids[place]!)
    const rows = places.map((place) => from.subarray(place * rowBytes, (place + 1) * rowBytes))
    await apply(shard, keys, rows, signal)
  }

  const reserve = (shard: number, signal?: AbortSignal) => lanes[shard]!.enter(1, signal)
  const everyShard = shards.map((_, shard) => shard)

  return {
    unflushed,
    reserve,
    touch,
    async read(ids, into, signal) {
      ledger.check()
      const readNext = async (part: Part, stop: AbortSignal): Promise<void> => {
        const leave = await room.enter(part.places.length * rowBytes, stop)
        await readPart(part, ids, into, stop).finally(leave)
      }
      await allOf(partsOf(ids), readNext, signal)
    },
    async write(ids, from, signal) {
      ledger.check()
      const writeNext = async (part: Part, stop: AbortSignal): Promise<void> => {
        // One write of a shard at a time, so that none that is sent again can come after a later one.
        const free = await reserve(part.shard, stop)
        try {
          const leave = await room.enter(part.places.length * rowBytes, stop)
          await writePart(part, ids, from, stop).finally(leave)
        } finally {
          free()
        }
      }
      await allOf(partsOf(ids), writeNext, signal)
    },
    async survey(signal) {
      const ask = async (shard: number, stop: AbortSignal): Promise<void> => {
        const { keys, slot } = shards[shard]!
        const expected = ledger.mark(shard)
        const [reply] = await router.send(slot, [['GET', `${keys}mark`]], stop)
        ledger.observe(shard, parseMark(reply), expected)
      }
      await allOf(everyShard, ask, signal)
    },
    async claim(signal) {
      const claimOne = async (shard: number, stop: AbortSignal): Promise<void> => {
        const free = await reserve(shard, stop)
        await apply(shard, [], [], stop).finally(free)
      }
      await allOf(everyShard, claimOne, signal)
    },
  }
}
