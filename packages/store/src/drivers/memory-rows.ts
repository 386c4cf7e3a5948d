import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'

export interface MemoryRowsOptions {
  readonly rows: number
  /** Bytes of one row. */
  readonly rowBytes: number
  /**
   * Where the rows live, `rows * rowBytes` bytes: a buffer of that size or a view into a larger one, shared or not.
   * Default: a new zeroed buffer.
   */
  readonly buffer?: ArrayBufferLike | ArrayBufferView
}

/**
 * Rows in memory. With a buffer of yours, others can read and write the same rows at the same time
 * (a row is copied in one go by each thread, but threads are not kept apart).
 * @throws bad-input if the buffer has another size
 */
export function memoryRows({ rows, rowBytes, buffer }: MemoryRowsOptions): RowDriver {
  let bytes: Uint8Array | undefined = viewOf(buffer ?? new ArrayBuffer(rows * rowBytes))
  if (bytes.length !== rows * rowBytes) {
    throw new StemkitError(
      'bad-input',
      `memory rows: the buffer has ${bytes.length} bytes, ${rows} rows of ${rowBytes} need ${rows * rowBytes}`,
    )
  }

  const open = (ids: Uint32Array, block: Uint8Array, signal: AbortSignal | undefined): Uint8Array => {
    signal?.throwIfAborted()
    if (bytes === undefined) throw new StemkitError('not-found', 'memory rows: already disposed')
    if (block.length !== ids.length * rowBytes) {
      throw new StemkitError(
        'bad-input',
        `memory rows: a block of ${block.length} bytes for ${ids.length} rows of ${rowBytes}`,
      )
    }
    const stray = ids.find((id) => id >= rows)
    if (stray !== undefined) throw new StemkitError('bad-input', `memory rows: row ${stray} is not one of ${rows}`)
    return bytes
  }

  return {
    rows,
    rowBytes,
    durability: 'none',
    async read(ids, into, options: RowOptions = {}) {
      const from = open(ids, into, options.signal)
      for (let i = 0; i < ids.length; i++) {
        const at = ids[i]! * rowBytes
        into.set(from.subarray(at, at + rowBytes), i * rowBytes)
      }
    },
    async write(ids, from, options: RowOptions = {}) {
      const into = open(ids, from, options.signal)
      for (let i = 0; i < ids.length; i++) {
        into.set(from.subarray(i * rowBytes, (i + 1) * rowBytes), ids[i]! * rowBytes)
      }
    },
    async dispose() {
      bytes = undefined
    },
  }
}

const viewOf = (buffer: ArrayBufferLike | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer)
