import type { CachePlan } from './cache-memory.ts'

/** Room for the rows of one read or write of the source, and which they are. */
export interface IoBuffer {
  readonly bytes: Uint8Array
  readonly keys: Uint32Array
  readonly slots: Uint32Array
  /** Rows in it. */
  count: number
}

export interface IoBuffers {
  /** An empty buffer, if one is free; one that can wait leaves the last of several to those that cannot. */
  take(urgent: boolean): IoBuffer | undefined
  give(buffer: IoBuffer): void
}

/** A fixed number of buffers, which bounds both the memory and the number of requests under way. */
export function createIoBuffers({ buffers, bufferRows }: CachePlan, rowBytes: number): IoBuffers {
  const free = Array.from({ length: buffers }, (): IoBuffer => ({
    bytes: new Uint8Array(bufferRows * rowBytes),
    keys: new Uint32Array(bufferRows),
    slots: new Uint32Array(bufferRows),
    count: 0,
  }))
  return {
    take(urgent) {
      if (!urgent && free.length === 1 && buffers > 1) return undefined
      const buffer = free.pop()
      if (buffer) buffer.count = 0
      return buffer
    },
    give: (buffer) => void free.push(buffer),
  }
}
