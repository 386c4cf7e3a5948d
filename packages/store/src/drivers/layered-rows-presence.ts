import { StemkitError } from '@stemkit/spec/errors'
import { crc32 } from '../codec/checksum.ts'

/** Rows whose bits are saved together, as one meta of 64 KiB. */
const PAGE_ROWS = 2 ** 19
const HEADER_BYTES = 12

/** Which rows a layer holds: a bit each, in pages that are there once they have a row, and saved once they have changed. */
export interface Presence {
  has(id: number): boolean
  add(ids: Uint32Array): void
  remove(ids: Uint32Array): void
  /** Copies of the pages that have changed since the last call, as bytes to save under the number of the page. */
  changed(generation: number): Map<number, Uint8Array>
  /** Puts back what could not be saved, so that the next `changed` has it. */
  unsaved(pages: Iterable<number>): void
  /**
   * Takes a saved page in. One of another generation counts for nothing.
   * @throws corrupt if it does not match its checksum
   */
  load(page: number, bytes: Uint8Array, generation: number): void
}

export const pagesOf = (rows: number): number => Math.ceil(rows / PAGE_ROWS)

export function createPresence(): Presence {
  const pages: (Uint8Array | undefined)[] = []
  const changed = new Set<number>()
  return {
    has: (id) => {
      const at = id % PAGE_ROWS
      return ((pages[Math.floor(id / PAGE_ROWS)]?.[at >> 3] ?? 0) & (1 << (at & 7))) !== 0
    },
    add(ids) {
      for (const id of ids) {
        const page = Math.floor(id / PAGE_ROWS)
        const bits = (pages[page] ??= new Uint8Array(PAGE_ROWS / 8))
        const at = id % PAGE_ROWS
        bits[at >> 3]! |= 1 << (at & 7)
        changed.add(page)
      }
    },
    remove(ids) {
      for (const id of ids) {
        const page = Math.floor(id / PAGE_ROWS)
        const bits = pages[page]
        if (bits === undefined) continue
        const at = id % PAGE_ROWS
        bits[at >> 3]! &= ~(1 << (at & 7))
        changed.add(page)
      }
    },
    changed(generation) {
      const saved = new Map([...changed].map((page) => [page, encode(pages[page]!, generation)]))
      changed.clear()
      return saved
    },
    unsaved(left) {
      for (const page of left) changed.add(page)
    },
    load(page, bytes, generation) {
      const bits = decode(bytes, generation)
      if (bits !== undefined) pages[page] = bits
    },
  }
}

/** 4 bytes of CRC-32 of all that follows, 8 bytes of generation, the bits. */
function encode(bits: Uint8Array, generation: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + bits.length)
  const view = new DataView(bytes.buffer)
  view.setFloat64(4, generation, true)
  bytes.set(bits, HEADER_BYTES)
  view.setUint32(0, crc32(bytes.subarray(4)), true)
  return bytes
}

function decode(bytes: Uint8Array, generation: number): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole = bytes.length === HEADER_BYTES + PAGE_ROWS / 8
  if (!whole || view.getUint32(0, true) !== crc32(bytes.subarray(4))) {
    throw new StemkitError(
      'corrupt',
      'layered rows: what a layer says about the rows that it holds is damaged; begin with an empty layer',
    )
  }
  return view.getFloat64(4, true) === generation ? bytes.slice(HEADER_BYTES) : undefined
}
