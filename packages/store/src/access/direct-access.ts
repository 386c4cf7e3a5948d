import { StemkitError } from '@stemkit/spec/errors'
import { decodeRows, encodeRows } from '../codec/convert.ts'
import { requireWrite, type Access, type StoredRows } from './access.ts'

/** Rows pass through a buffer of this size: one request to a medium, small enough to stay in cache. */
const STAGING_BYTES = 4 * 2 ** 20

/** Straight from the table and to it, piece by piece. */
export function directAccess(table: StoredRows): Access {
  const { layout, rowBytes } = table
  const chunk = Math.max(1, Math.floor(STAGING_BYTES / rowBytes))
  const idle: Uint8Array[] = []

  /** Calls `work` on pieces of the ids, with a buffer for their rows and their places among all. */
  const inPieces = async (
    unique: Uint32Array,
    given: Uint32Array | undefined,
    work: (ids: Uint32Array, staged: Uint8Array, places: Uint32Array) => Promise<void>,
  ): Promise<void> => {
    const staging = idle.pop() ?? new Uint8Array(Math.min(chunk, unique.length) * rowBytes)
    const room = staging.length / rowBytes
    const places = given ?? Uint32Array.from(unique, (_, i) => i)
    for (let first = 0; first < unique.length; first += room) {
      const ids = unique.subarray(first, first + room)
      await work(ids, staging.subarray(0, ids.length * rowBytes), places.subarray(first, first + ids.length))
    }
    if (staging.length === chunk * rowBytes) idle.push(staging)
  }

  return {
    capacity: 0,
    async gather(unique, blocks, options) {
      const isPlain = layout.layers === 1 && layout.dtype === 'f32' && layout.state === 'none'
      if (isPlain && !options.places) {
        return table.read(unique, bytesOf(blocks), options)
      }
      await inPieces(unique, options.places, async (ids, staged, places) => {
        await table.read(ids, staged, options)
        decodeRows(layout, { bytes: staged, stride: rowBytes }, blocks, places)
      })
    },
    async scatter(unique, blocks, options) {
      const write = requireWrite(table)
      await inPieces(unique, undefined, async (ids, staged, places) => {
        if (layout.state !== 'none') await table.read(ids, staged, options)
        encodeRows(layout, blocks, { bytes: staged, stride: rowBytes }, places)
        await write(ids, staged, options)
      })
    },
    async lease() {
      throw new StemkitError('unsupported', 'row store: a lease needs memory to hold rows in; give the store a budget')
    },
    async prefetch() {},
    async flush() {},
    stats: () => ({}),
    async dispose() {
      idle.length = 0
    },
  }
}

const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
