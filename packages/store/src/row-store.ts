import { StemkitError } from '@stemkit/spec/errors'
import type { RowDriver, RowOptions } from '@stemkit/spec/row-driver'
import type { RowPlan } from './row-plan.ts'

export interface RowStoreOptions {
  /** Where the rows are. The store owns it from now on. */
  readonly driver: RowDriver
  /** L: layers that share a row. */
  readonly layers: number
  /** w: values per layer and row. */
  readonly width: number
  /** What the driver's bytes are: little-endian 32-bit floats. */
  readonly dtype: 'f32'
}

export interface RowStoreStats {
  readonly rowsRead: number
  readonly rowsWritten: number
  /** Bytes that passed between driver and store. */
  readonly bytesRead: number
  readonly bytesWritten: number
  /** Bytes moved between the driver's order and that of the blocks. */
  readonly bytesReordered: number
}

/**
 * Tables of L layers with one row per id. At rest a row is token-major, [L][w]: one id is one read.
 * At work blocks are layer-major, [L, U, w]: one contiguous [U, w] per layer.
 * Calls are not ordered against each other: await a scatter before the gather that has to see it.
 */
export interface RowStore {
  readonly rows: number
  readonly layers: number
  readonly width: number
  /** Fills `blocks` [L * U * w] with the rows of the plan. */
  gather(plan: Pick<RowPlan, 'unique'>, blocks: Float32Array, options?: RowOptions): Promise<void>
  /** Replaces the rows of the plan by `blocks` [L * U * w]. Aborted half-way, some rows are new and some old. */
  scatter(plan: Pick<RowPlan, 'unique'>, blocks: Float32Array, options?: RowOptions): Promise<void>
  stats(): RowStoreStats
  /** Disposes the driver too. */
  dispose(): Promise<void>
}

/** Rows pass through a buffer of this size: enough to be one request to a medium, small enough to stay in cache. */
const STAGING_BYTES = 4 * 2 ** 20

/**
 * @throws bad-input if a row of the driver is not `layers * width` values of `dtype`
 */
export function createRowStore({ driver, layers, width, dtype }: RowStoreOptions): RowStore {
  if (dtype !== 'f32') throw new StemkitError('unsupported', `row store: dtype '${String(dtype)}', only 'f32' is known`)
  if (driver.rowBytes !== layers * width * 4) {
    throw new StemkitError(
      'bad-input',
      `row store: the driver's rows have ${driver.rowBytes} bytes, ${layers} layers of ${width} f32 need ${layers * width * 4}`,
    )
  }
  const chunk = Math.max(1, Math.floor(STAGING_BYTES / driver.rowBytes))
  const idle: Float32Array[] = []
  const stats = { rowsRead: 0, rowsWritten: 0, bytesRead: 0, bytesWritten: 0, bytesReordered: 0 }

  const checkBlocks = (verb: string, rows: number, blocks: Float32Array): void => {
    if (blocks.length !== layers * rows * width) {
      throw new StemkitError(
        'bad-input',
        `row store: ${verb} of ${rows} rows needs ${layers} x ${rows} x ${width} values, the blocks have ${blocks.length}`,
      )
    }
  }

  /** Calls `work` on pieces of the plan, with a buffer for the piece's rows in the driver's order. */
  const inPieces = async (
    unique: Uint32Array,
    work: (ids: Uint32Array, staged: Float32Array, first: number) => Promise<void>,
  ): Promise<void> => {
    const staging = idle.pop() ?? new Float32Array(chunk * layers * width)
    try {
      for (let first = 0; first < unique.length; first += chunk) {
        const ids = unique.subarray(first, first + chunk)
        await work(ids, staging.subarray(0, ids.length * layers * width), first)
      }
    } finally {
      idle.push(staging)
    }
  }

  return {
    rows: driver.rows,
    layers,
    width,

    async gather({ unique }, blocks, options = {}) {
      checkBlocks('gather', unique.length, blocks)
      if (layers === 1) {
        await driver.read(unique, bytesOf(blocks), options)
      } else {
        await inPieces(unique, async (ids, staged, first) => {
          await driver.read(ids, bytesOf(staged), options)
          for (let layer = 0; layer < layers; layer++) {
            for (let i = 0; i < ids.length; i++) {
              const from = (i * layers + layer) * width
              blocks.set(staged.subarray(from, from + width), (layer * unique.length + first + i) * width)
            }
          }
        })
        stats.bytesReordered += blocks.byteLength
      }
      stats.rowsRead += unique.length
      stats.bytesRead += blocks.byteLength
    },

    async scatter({ unique }, blocks, options = {}) {
      checkBlocks('scatter', unique.length, blocks)
      if (driver.write === undefined) throw new StemkitError('unsupported', 'row store: the driver is read-only')
      const write = driver.write.bind(driver)
      if (layers === 1) {
        await write(unique, bytesOf(blocks), options)
      } else {
        await inPieces(unique, async (ids, staged, first) => {
          for (let layer = 0; layer < layers; layer++) {
            for (let i = 0; i < ids.length; i++) {
              const from = (layer * unique.length + first + i) * width
              staged.set(blocks.subarray(from, from + width), (i * layers + layer) * width)
            }
          }
          await write(ids, bytesOf(staged), options)
        })
        stats.bytesReordered += blocks.byteLength
      }
      stats.rowsWritten += unique.length
      stats.bytesWritten += blocks.byteLength
    },

    stats: () => ({ ...stats }),

    async dispose() {
      idle.length = 0
      await driver.dispose()
    },
  }
}

const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength)
