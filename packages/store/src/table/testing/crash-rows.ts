import { StemkitError } from '@stemkit/spec/errors'
import { checkRows } from '@stemkit/spec/row-calls'
import type { Meta, RowDriver, RowGeometry } from '@stemkit/spec/row-driver'

type Change =
  | { readonly kind: 'row'; readonly place: number; readonly bytes: Uint8Array }
  | { readonly kind: 'meta'; readonly name: string; readonly value: Meta | undefined }
  | { readonly kind: 'rows'; readonly rows: number }

interface Bytes {
  rows: number
  readonly places: Map<number, Uint8Array>
  readonly metas: Map<string, Meta>
}

/** A medium that remembers what it was never asked to make durable, and can lose it. */
export interface CrashMedium {
  /** Called before and after each call of a driver takes effect. */
  onCall: ((call: string) => void) | undefined
  /** A driver over the medium, as another process would open it. */
  open(): RowDriver
  /**
   * What a crash at this moment could leave, one of many: of all rows and metas changed since the last flush any are lost,
   * in any order; rows may be torn; metas are whole.
   */
  crash(random: () => number): CrashMedium
  /** Its bytes, to be damaged. */
  readonly bytes: Bytes
}

export function crashRows({ rows, rowBytes }: RowGeometry): CrashMedium {
  return medium({ rows, places: new Map(), metas: new Map() }, rowBytes)
}

function medium(durable: Bytes, rowBytes: number): CrashMedium {
  const now = copyOf(durable)
  let unflushed: Change[] = []
  let puts = 0
  let isLocked = false

  const change = (what: Change): void => {
    unflushed.push(what)
    apply(now, what)
  }

  const self: CrashMedium = {
    onCall: undefined,
    bytes: now,

    crash(random) {
      const left = copyOf(durable)
      const share = [0, 0.3, 0.7, 1][Math.floor(random() * 4)]!
      const kept = unflushed.filter(() => random() < share)
      if (random() < 0.5) kept.sort(() => random() - 0.5)
      for (const each of kept) {
        if (each.kind === 'row' && random() < 0.3) apply(left, { ...each, bytes: torn(left, each, random) })
        else apply(left, each)
      }
      for (const place of left.places.keys()) if (place >= left.rows) left.places.delete(place)
      return medium(left, rowBytes)
    },

    open() {
      /** One call: what it does happens at once, between two moments at which the machine may die. */
      const call = async <T>(name: string, signal: AbortSignal | undefined, work: () => T): Promise<T> => {
        signal?.throwIfAborted()
        await Promise.resolve()
        self.onCall?.(`before ${name}`)
        const result = work()
        self.onCall?.(`after ${name}`)
        await Promise.resolve()
        return result
      }
      return {
        get rows() {
          return now.rows
        },
        rowBytes,
        durability: 'power',
        read: (ids, into, { signal } = {}) =>
          call('read', signal, () => {
            checkRows({ rows: now.rows, rowBytes }, ids, into)
            const zeros = new Uint8Array(rowBytes)
            for (const [i, place] of ids.entries()) into.set(now.places.get(place) ?? zeros, i * rowBytes)
          }),
        write: (ids, from, { signal } = {}) =>
          call('write', signal, () => {
            checkRows({ rows: now.rows, rowBytes }, ids, from)
            for (const [i, place] of ids.entries()) {
              change({ kind: 'row', place, bytes: from.slice(i * rowBytes, (i + 1) * rowBytes) })
            }
          }),
        resize: (more, { signal } = {}) => call('resize', signal, () => change({ kind: 'rows', rows: more })),
        meta: {
          get: (name, { signal } = {}) => call(`get ${name}`, signal, () => now.metas.get(name)),
          put: (name, bytes, { signal, ifVersion } = {}) =>
            call(`put ${name}`, signal, () => {
              if (ifVersion !== undefined && ifVersion !== (now.metas.get(name)?.version ?? null)) {
                throw new StemkitError('conflict', `crash rows: '${name}' is not at version ${ifVersion}`)
              }
              const version = `${++puts}`
              change({ kind: 'meta', name, value: { bytes: bytes.slice(), version } })
              return version
            }),
          remove: (name, { signal } = {}) =>
            call(`remove ${name}`, signal, () => change({ kind: 'meta', name, value: undefined })),
        },
        lock: ({ signal } = {}) =>
          call('lock', signal, () => {
            if (isLocked) throw new StemkitError('conflict', 'crash rows: somebody holds the lock')
            isLocked = true
            return {
              lost: new AbortController().signal,
              release: async () => {
                isLocked = false
              },
            }
          }),
        flush: ({ signal } = {}) =>
          call('flush', signal, () => {
            for (const each of unflushed) apply(durable, each)
            unflushed = []
          }),
        dispose: async () => undefined,
      }
    },
  }
  return self
}

function apply(bytes: Bytes, change: Change): void {
  if (change.kind === 'row') bytes.places.set(change.place, change.bytes)
  else if (change.kind === 'rows') bytes.rows = Math.max(bytes.rows, change.rows)
  else if (change.value === undefined) bytes.metas.delete(change.name)
  else bytes.metas.set(change.name, change.value)
}

/** A row of which one part was written and the rest was not. */
function torn({ places }: Bytes, { place, bytes }: Change & { kind: 'row' }, random: () => number): Uint8Array {
  const before = places.get(place) ?? new Uint8Array(bytes.length)
  const cut = Math.floor(random() * bytes.length)
  const isHead = random() < 0.5
  return bytes.map((byte, i) => (i < cut === isHead ? byte : before[i]!))
}

const copyOf = ({ rows, places, metas }: Bytes): Bytes => ({ rows, places: new Map(places), metas: new Map(metas) })
