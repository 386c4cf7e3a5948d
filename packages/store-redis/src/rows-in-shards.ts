import { StemkitError } from '@stemkit/spec/errors'
import type { Generations } from './generations.ts'
import { parseMark, type Ledger } from './ledger.ts'
import type { Router } from './router.ts'
import { RENAME, WRITE } from './scripts.ts'
import type { Command, Reply } from './server.ts'
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

/** Long replies are put together slowly by servers; long requests are not. */
const READ_BYTES = 2 ** 20
const WRITE_BYTES = 2 ** 22
const ROWS_AT_ONCE = 1024
const BYTES_UNDER_WAY = 2 ** 25
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

  const partsOf = (ids: Uint32Array, bytes: number): Part[] => {
    const most = Math.max(1, Math.min(ROWS_AT_ONCE, Math.floor(bytes / rowBytes)))
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

  const shortRows = (keys: readonly string[], rows: readonly Buffer[], { key, args }: ReturnType<typeof nextMark>) => {
    const command: Command = ['EVAL', WRITE, String(1 + keys.length), key, ...keys, ...args, ...rows]
    return { commands: [command], answer: (replies: readonly Reply[]) => replies[0] }
  }

  const longRows = (keys: readonly string[], rows: readonly Buffer[], { key, args }: ReturnType<typeof nextMark>) => {
    const aside = keys.map((_, i) => `${key}+${i}`)
    const set: Command = ['MSET', ...aside.flatMap((name, i) => [name, rows[i]!])]
    const pairs = aside.flatMap((name, i) => [name, keys[i]!])
    const rename: Command = ['EVAL', RENAME, String(1 + pairs.length), key, ...pairs, ...args]
    return {
      commands: [['MULTI'], set, rename, ['EXEC']] as Command[],
      answer: (replies: readonly Reply[]) => (replies[3] as readonly Reply[])[1],
    }
  }

  const apply = async (shard: number, keys: readonly string[], rows: readonly Buffer[], signal: AbortSignal) => {
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
    const [reply] = await router.send(slot, [command], signal)
    signal.throwIfAborted()
    const [mark, ...rows] = reply as readonly (Buffer | null)[]
    ledger.observe(shard, parseMark(mark), expected)
    for (const [i, row] of rows.entries()) {
      const at = places[i]! * rowBytes
      if (row === null) into.fill(0, at, at + rowBytes)
      else if (row.length === rowBytes) into.set(row, at)
      else {
        throw new StemkitError(
          'corrupt',
          `redis ${router.serverOf(slot).name}: key ${command[i + 2]} has ${row.length} bytes, a row has ${rowBytes}`,
        )
      }
    }
  }

  const writePart = async ({ shard, places }: Part, ids: Uint32Array, from: Uint8Array, signal: AbortSignal) => {
    // A copy, since a call that is aborted lets go of its buffer at once, and the connection does not.
    const copy = Buffer.allocUnsafeSlow(places.length * rowBytes)
    const rows = places.map((place, i) => {
      copy.set(from.subarray(place * rowBytes, (place + 1) * rowBytes), i * rowBytes)
      return copy.subarray(i * rowBytes, (i + 1) * rowBytes)
    })
    unflushed.add(shard)
    await apply(shard, places.map((place) => shards[shard]!.keys + ids[place]!), rows, signal) // prettier-ignore
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
      await allOf(partsOf(ids, READ_BYTES), readNext, signal)
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
      await allOf(partsOf(ids, WRITE_BYTES), writeNext, signal)
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
