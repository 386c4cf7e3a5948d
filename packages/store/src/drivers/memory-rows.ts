import { StemkitError } from '@stemkit/spec/errors'
import { checkMetaName, checkRows } from '@stemkit/spec/row-calls'
import type { Meta, RowDriver, RowLock } from '@stemkit/spec/row-driver'

export interface MemoryRowsOptions {
  readonly rows: number
  /** Bytes of one row. */
  readonly rowBytes: number
  /**
   * Where the rows live, `rows * rowBytes` bytes: a buffer of that size or a view into a larger one, shared or not.
   * Default: new zeroed memory, which can grow.
   */
  readonly buffer?: ArrayBufferLike | ArrayBufferView
}

/**
 * Rows in memory. With a buffer of yours, others can read and write the same rows at the same time (a row is copied in one
 * go by each thread, but threads are not kept apart), and there is no `resize`. Metas and the lock belong to this object.
 * @throws bad-input if the buffer has another size, or for a geometry that is none
 */
export function memoryRows({ rows, rowBytes, buffer }: MemoryRowsOptions): RowDriver {
  for (const [name, value, least] of [
    ['rows', rows, 0],
    ['rowBytes', rowBytes, 1],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least || value > 2 ** 32) {
      throw new StemkitError(
        'bad-input',
        `memory rows: ${name} is ${value}, it must be a whole number from ${least} to 2^32`,
      )
    }
  }
  const memory = buffer === undefined ? ownMemory(rowBytes) : yourMemory(buffer, rows, rowBytes)
  memory.grow?.(rows)
  const metas = new Map<string, Meta>()
  let puts = 0
  let held: RowLock | undefined
  let disposed = false

  const open = (signal: AbortSignal | undefined): void => {
    if (disposed) throw new StemkitError('bad-input', 'memory rows: already disposed')
    signal?.throwIfAborted()
  }

  return {
    get rows() {
      return rows
    },
    rowBytes,
    durability: 'none',

    async read(ids, into, { signal } = {}) {
      open(signal)
      checkRows({ rows, rowBytes }, ids, into)
      memory.copy(ids, into, 'out')
    },

    async write(ids, from, { signal } = {}) {
      open(signal)
      checkRows({ rows, rowBytes }, ids, from)
      memory.copy(ids, from, 'in')
    },

    ...(memory.grow && {
      async resize(more, { signal } = {}) {
        open(signal)
        if (!Number.isSafeInteger(more) || more < rows || more > 2 ** 32) {
          throw new StemkitError('bad-input', `memory rows: cannot resize ${rows} rows to ${more}`)
        }
        memory.grow!(more)
        rows = more
      },
    }),

    meta: {
      async get(name, { signal } = {}) {
        open(signal)
        checkMetaName(name)
        const meta = metas.get(name)
        return meta && { bytes: meta.bytes.slice(), version: meta.version }
      },
      async put(name, bytes, { signal, ifVersion } = {}) {
        open(signal)
        checkMetaName(name)
        const now = metas.get(name)?.version ?? null
        if (ifVersion !== undefined && ifVersion !== now) {
          throw new StemkitError(
            'conflict',
            `memory rows: meta '${name}' is at version ${now}, the put was over ${ifVersion}`,
          )
        }
        const version = String(++puts)
        metas.set(name, { bytes: bytes.slice(), version })
        return version
      },
      async remove(name, { signal } = {}) {
        open(signal)
        checkMetaName(name)
        metas.delete(name)
      },
    },

    async lock({ signal } = {}) {
      open(signal)
      if (held) throw new StemkitError('conflict', 'memory rows: these rows are already locked through this object')
      const lock: RowLock = {
        lost: new AbortController().signal,
        async release() {
          if (held === lock) held = undefined
        },
      }
      held = lock
      return lock
    },

    async dispose() {
      disposed = true
      memory.free()
      metas.clear()
    },
  }
}

type Way = 'in' | 'out'

interface Memory {
  /** Copies rows between their places and the caller's block. */
  copy(ids: Uint32Array, block: Uint8Array, way: Way): void
  grow?(rows: number): void
  free(): void
}

/** A table grows by chunks of this size, so that it is never copied and never twice in memory. */
const CHUNK_BYTES = 16 * 2 ** 20

function ownMemory(rowBytes: number): Memory {
  const chunkRows = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes))
  const chunks: Uint8Array[] = []
  return {
    copy: (ids, block, way) => copyRows({ chunks, chunkRows, rowBytes }, ids, block, way),
    grow(rows) {
      const needed = Math.ceil(rows / chunkRows)
      for (let i = Math.max(0, chunks.length - 1); i < needed; i++) {
        const size = Math.min(chunkRows, rows - i * chunkRows) * rowBytes
        const old = chunks[i]
        if (old && old.length >= size) continue
        // Only the last chunk, if not full, is ever copied; at least doubled, so that growing row by row stays cheap.
        const grown = new Uint8Array(Math.min(chunkRows * rowBytes, Math.max(size, 2 * (old?.length ?? 0))))
        if (old) grown.set(old)
        chunks[i] = grown
      }
    },
    free: () => void (chunks.length = 0),
  }
}

function yourMemory(buffer: ArrayBufferLike | ArrayBufferView, rows: number, rowBytes: number): Memory {
  const bytes = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer)
  if (bytes.length !== rows * rowBytes) {
    throw new StemkitError(
      'bad-input',
      `memory rows: the buffer has ${bytes.length} bytes, ${rows} rows of ${rowBytes} need ${rows * rowBytes}`,
    )
  }
  const chunks = [bytes]
  return {
    copy: (ids, block, way) => copyRows({ chunks, chunkRows: rows, rowBytes }, ids, block, way),
    free: () => void (chunks.length = 0),
  }
}

interface Chunks {
  readonly chunks: readonly Uint8Array[]
  readonly chunkRows: number
  readonly rowBytes: number
}

function copyRows({ chunks, chunkRows, rowBytes }: Chunks, ids: Uint32Array, block: Uint8Array, way: Way): void {
  for (let from = 0, to = 1; from < ids.length; from = to, to++) {
    const id = ids[from]!
    const chunk = Math.floor(id / chunkRows)
    const inChunk = id - chunk * chunkRows
    // Adjacent rows are copied together.
    while (to < ids.length && to - from < chunkRows - inChunk && ids[to] === id + to - from) to++
    const run = chunks[chunk]!.subarray(inChunk * rowBytes, (inChunk + to - from) * rowBytes)
    if (way === 'out') block.set(run, from * rowBytes)
    else run.set(block.subarray(from * rowBytes, to * rowBytes))
  }
}
