/** Version of this contract. */
export const ROW_DRIVER_VERSION = 1

/** A small named value beside the rows, with the version that a later `put` may require. */
export interface Meta {
  readonly bytes: Uint8Array
  readonly version: string
}

export interface RowOptions {
  readonly signal?: AbortSignal
}

/**
 * Rows of equal size, addressed by id. One row holds all STEM layers of its token.
 * A driver knows ids and bytes, nothing else.
 */
export interface RowDriver {
  readonly rows: number
  readonly rowBytes: number
  /** Copies rows `ids` (sorted, unique) into `into` (`ids.length * rowBytes` bytes), in that order. */
  read(ids: Uint32Array, into: Uint8Array, options?: RowOptions): Promise<void>
  /** Absent on read-only media. A row is never seen half written; durable once `flush` resolves. */
  write?(ids: Uint32Array, from: Uint8Array, options?: RowOptions): Promise<void>
  /** Replaced atomically; with `ifVersion`, only if unchanged since. */
  readonly meta?: {
    get(key: string): Promise<Meta | undefined>
    put(key: string, bytes: Uint8Array, ifVersion?: string): Promise<void>
  }
  flush?(options?: RowOptions): Promise<void>
  dispose(): Promise<void>
}
