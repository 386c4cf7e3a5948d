/** Version of this contract. */
export const ROW_DRIVER_VERSION = 2

/** A small named value beside the rows, with the version that a later `put` may require. */
export interface Meta {
  readonly bytes: Uint8Array
  readonly version: string
}

export interface RowOptions {
  readonly signal?: AbortSignal
}

export interface PutOptions extends RowOptions {
  /** Only if the value still has this version; null: only if there is none yet. Else the put rejects with `conflict`. */
  readonly ifVersion?: string | null
}

/** What a resolved `flush` outlives: nothing but this object, the end of the process (SIGKILL too), or a loss of power. */
export type Durability = 'none' | 'process' | 'power'

/**
 * Rows of equal size in numbered places. A driver knows places and bytes, nothing else: which row of a table lies where,
 * checksums, versions, caching and dtypes are the store's, so that every driver gets them.
 *
 * Ids are sorted and unique in every call, else it rejects with `bad-input`, as it does for an id that is no place and for
 * a buffer of another size; nothing is changed then. Calls on one object may overlap; those that touch the same row or the
 * same name take effect in the order in which they were made, so that no read sees a half-written row. Once a call has
 * settled, resolved or not, it touches the caller's buffers no more. A call whose signal aborts before it has settled
 * rejects with the signal's reason; the rows that it was writing are then old or new, each of them whole. Rows written
 * since the last `flush` may be lost, torn or kept in any order if the process or the machine dies.
 *
 * `@stemkit/spec/row-calls` keeps those promises for a driver, and `rowDriverConformance` of `@stemkit/spec/testing` tests
 * them all.
 */
export interface RowDriver {
  /** Places there are now, possibly none; `resize` changes it. */
  readonly rows: number
  readonly rowBytes: number
  readonly durability: Durability
  /** What errors call the rows: a path, or an address without its password. */
  readonly where?: string
  /** Copies rows `ids` into `into` (`ids.length * rowBytes` bytes), in that order. A row never written is zeros. */
  read(ids: Uint32Array, into: Uint8Array, options?: RowOptions): Promise<void>
  /** Absent on read-only media. The caller may reuse `from` once it resolves. */
  write?(ids: Uint32Array, from: Uint8Array, options?: RowOptions): Promise<void>
  /** Makes room for more rows, zeroed, at the end. Never shrinks: `bad-input` for fewer. Absent where there can be no more. */
  resize?(rows: number, options?: RowOptions): Promise<void>
  /** Small named values (up to some MB), each replaced as a whole or not at all. Names match /^[a-z0-9][a-z0-9.-]*$/. */
  readonly meta?: {
    get(name: string, options?: RowOptions): Promise<Meta | undefined>
    /** Absent on read-only media. Resolves to the new version, which this name never had before. */
    put?(name: string, bytes: Uint8Array, options?: PutOptions): Promise<string>
    /** Absent on read-only media. Removing what is not there is no error. */
    remove?(name: string, options?: RowOptions): Promise<void>
  }
  /**
   * Keeps everybody else, in this process and elsewhere, from taking the same lock until it is released or its holder
   * is dead. Rejects at once with `conflict`, saying who holds it. Absent where nobody else can open the same rows.
   */
  lock?(options?: RowOptions): Promise<RowLock>
  /** Makes everything before it durable, as far as `durability` says. Absent where there is nothing to do. */
  flush?(options?: RowOptions): Promise<void>
  /** Waits for calls under way and lets go of locks. Does not flush. Later calls reject; disposing twice is no error. */
  dispose(): Promise<void>
}

export interface RowLock {
  /** Aborted, with the reason, if the lock is lost while held (a lease ran out, say). */
  readonly lost: AbortSignal
  /** Releasing twice is no error, and leaves a later holder alone. */
  release(): Promise<void>
}

export interface RowGeometry {
  readonly rows: number
  readonly rowBytes: number
}

export interface OpenRowsOptions extends RowOptions {
  /** Makes new, zeroed rows. Rejects with `conflict` where there are some already. */
  readonly create?: RowGeometry
  /** Nothing will be written: media that can be opened so are. */
  readonly readOnly?: boolean
}

/** Opens the rows that a URL names: `file:./rows`, `redis://host/0?prefix=x`. What a plugin brings for its URL scheme. */
export type OpenRows = (url: string, options?: OpenRowsOptions) => Promise<RowDriver>
