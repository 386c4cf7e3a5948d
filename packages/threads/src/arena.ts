import { StemkitError } from '@stemkit/spec/errors'

/** Every array starts at a multiple of this: a cache line, and what ONNX Runtime likes best. */
const ALIGNMENT = 64
const PAGE = 65536
/** 4 GB: what 32-bit WebAssembly can address. */
const MOST_BYTES = 65536 * PAGE

/**
 * One WebAssembly.Memory, given out piece by piece and never moved or grown: views of it may be kept. Arrays are zeroed and
 * aligned to 64 bytes; `byteOffset` is their address in the memory. Each throws bad-input where the arena is full.
 */
export interface Arena {
  readonly memory: WebAssembly.Memory
  /** Whether threads can share it. */
  readonly shared: boolean
  float32(length: number): Float32Array
  int32(length: number): Int32Array
  uint32(length: number): Uint32Array
  int8(length: number): Int8Array
  uint8(length: number): Uint8Array
}

export interface ArenaOptions {
  /**
   * Default: whether this platform has memory that threads can share. A page needs to be cross-origin isolated for that.
   */
  readonly shared?: boolean
  /** What errors call the memory. Default: 'memory'. */
  readonly what?: string
  /** What the error says beyond 4 GB: what would fit, what to make smaller. */
  readonly advice?: string
}

/** Bytes that an arena needs for arrays of these lengths, the gaps between them included; a number has `bytes`. */
export function arenaBytes(lengths: readonly number[], bytes: 1 | 4 = 4): number {
  return lengths.reduce((total, length) => total + align(length * bytes), 0)
}

/**
 * Reserves `bytes` of zeroed memory. Memory that is never touched takes no room.
 * @throws unsupported beyond 4 GB, or if the system refuses that much
 */
export function createArena(bytes: number, options: ArenaOptions = {}): Arena {
  const { shared = typeof SharedArrayBuffer !== 'undefined', what = 'memory', advice } = options
  if (bytes > MOST_BYTES) {
    const asked = `${what}: ${gigabytes(bytes)} GB asked, WebAssembly ends at ${gigabytes(MOST_BYTES)} GB`
    throw new StemkitError('unsupported', advice ? `${asked}, ${advice}` : asked)
  }
  const pages = Math.max(1, Math.ceil(bytes / PAGE))
  const memory = reserve(pages, shared, what)
  let used = 0

  const take = <T>(View: ArrayType<T>, length: number): T => {
    const at = used
    const size = length * View.BYTES_PER_ELEMENT
    if (!Number.isInteger(length) || length < 0 || at + size > pages * PAGE) {
      throw new StemkitError('bad-input', `${what}: no room for ${length} numbers after ${at} of ${bytes} bytes`)
    }
    used += align(size)
    return new View(memory.buffer, at, length)
  }
  return {
    memory,
    shared,
    float32: (length) => take(Float32Array, length),
    int32: (length) => take(Int32Array, length),
    uint32: (length) => take(Uint32Array, length),
    int8: (length) => take(Int8Array, length),
    uint8: (length) => take(Uint8Array, length),
  }
}

interface ArrayType<T> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, at: number, length: number): T
}

function reserve(pages: number, shared: boolean, what: string): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
  } catch (cause) {
    throw new StemkitError('unsupported', `${what}: ${gigabytes(pages * PAGE)} GB could not be reserved`, { cause })
  }
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)
