import { StemkitError } from '@stemkit/spec/errors'

/** Every array starts at a multiple of this: a cache line, and what ONNX Runtime likes best. */
const ALIGNMENT = 64
const PAGE = 65536
/** 4 GB: what 32-bit WebAssembly can address. */
const MOST_BYTES = 65536 * PAGE

/** One WebAssembly.Memory, given out piece by piece and never moved or grown: views of it may be kept. */
export interface Arena {
  readonly memory: WebAssembly.Memory
  /** Whether threads can share it. */
  readonly shared: boolean
  /** Zeroed, aligned to 64 bytes; `byteOffset` is its address in the memory. Throws bad-input where the arena is full. */
  float32(length: number): Float32Array
  int32(length: number): Int32Array
  uint32(length: number): Uint32Array
}

/** Bytes that an arena needs for arrays of these lengths (of 4-byte numbers), the gaps between them included. */
export function arenaBytes(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + align(length * 4), 0)
}

/**
 * Reserves `bytes` of zeroed memory. Memory that is never touched takes no room.
 * @param options.shared default: whether this platform has memory that threads can share. A page needs to be
 *   cross-origin isolated for that.
 * @throws unsupported beyond 4 GB, or if the system refuses that much
 */
export function createArena(bytes: number, options: { readonly shared?: boolean } = {}): Arena {
  const { shared = typeof SharedArrayBuffer !== 'undefined' } = options
  if (bytes > MOST_BYTES) {
    throw new StemkitError(
      'unsupported',
      `optimiser memory: ${gigabytes(bytes)} GB asked, WebAssembly ends at ${gigabytes(MOST_BYTES)} GB, which is ` +
        `${MOST_BYTES / 16} parameters with their gradients and both moments; make the model or its resident tables smaller`,
    )
  }
  const pages = Math.max(1, Math.ceil(bytes / PAGE))
  const memory = reserve(pages, shared)
  let used = 0

  const take = <T>(length: number, View: new (buffer: ArrayBufferLike, at: number, length: number) => T): T => {
    const at = used
    if (!Number.isInteger(length) || length < 0 || at + length * 4 > pages * PAGE) {
      throw new StemkitError(
        'bad-input',
        `optimiser memory: no room for ${length} numbers after ${at} of ${bytes} bytes`,
      )
    }
    used += align(length * 4)
    return new View(memory.buffer, at, length)
  }
  return {
    memory,
    shared,
    float32: (length) => take(length, Float32Array),
    int32: (length) => take(length, Int32Array),
    uint32: (length) => take(length, Uint32Array),
  }
}

function reserve(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
  } catch (cause) {
    throw new StemkitError('unsupported', `optimiser memory: ${gigabytes(pages * PAGE)} GB could not be reserved`, {
      cause,
    })
  }
}

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)
