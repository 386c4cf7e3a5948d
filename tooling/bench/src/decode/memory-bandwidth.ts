import { availableParallelism } from 'node:os'
import koffi from 'koffi'

const MEBIBYTE = 2 ** 20

export interface MemoryBandwidthOptions {
  /** Default: one per core. */
  readonly threads?: number
  /** Of each thread; default 256 MiB, which no cache holds. */
  readonly bytes?: number
  /** Default 7. */
  readonly rounds?: number
}

/**
 * Bytes a second that threads read together: each looks with the C library's `memchr` (vector loads, nothing else) for a
 * byte that its buffer does not hold. The best of the rounds, as it is a ceiling. undefined where the C library is not glibc.
 */
export async function measureMemoryBandwidth({
  threads = availableParallelism(),
  bytes = 256 * MEBIBYTE,
  rounds = 7,
}: MemoryBandwidthOptions = {}): Promise<number | undefined> {
  const scan = loadScan()
  if (!scan) return undefined
  const buffers = Array.from({ length: threads }, () => Buffer.alloc(bytes, 1))
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    await Promise.all(buffers.map(scan))
    best = Math.max(best, (threads * bytes) / ((performance.now() - start) / 1000))
  }
  return best
}

function loadScan(): ((buffer: Buffer) => Promise<unknown>) | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const library = koffi.load('libc.so.6')
    const memchr = library.func('void* memchr(const void* from, int byte, size_t bytes)')
    return (buffer) =>
      new Promise((resolve, reject) => {
        memchr.async(buffer, 0, buffer.length, (error: unknown, found: unknown) => {
          if (error) reject(error as Error)
          else resolve([found, library]) // which keeps the library loaded until then
        })
      })
  } catch {
    return undefined
  }
}
