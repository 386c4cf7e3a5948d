import { StemkitError } from '@stemkit/spec/errors'
import type { RowOptions } from '@stemkit/spec/row-driver'
import type { RowTable } from '../table/row-table.ts'

/** Rows read at a time. */
const PIECE_BYTES = 8 * 2 ** 20

export interface VerifyTableOptions extends RowOptions {
  readonly onProgress?: (progress: { readonly rows: number; readonly totalRows: number }) => void
}

/**
 * Reads all rows of a table and returns the ids of those whose bytes are damaged, ascending.
 * @throws what reading throws but `corrupt`
 */
export async function verifyTable(table: RowTable, options: VerifyTableOptions = {}): Promise<number[]> {
  const { onProgress, signal } = options
  const cancel = signal ? { signal } : {}
  const damaged: number[] = []
  const piece = Math.max(1, Math.floor(PIECE_BYTES / table.rowBytes))
  const into = new Uint8Array(piece * table.rowBytes)
  const isWhole = (ids: Uint32Array): Promise<boolean> =>
    table.read(ids, into.subarray(0, ids.length * table.rowBytes), cancel).then(
      () => true,
      (error: unknown) => {
        if (StemkitError.isInstance(error) && error.code === 'corrupt') return false
        throw error
      },
    )
  for (let first = 0; first < table.rows; first += piece) {
    const ids = Uint32Array.from({ length: Math.min(piece, table.rows - first) }, (_, i) => first + i)
    // One damaged row fails the whole read: then each by itself.
    if (!(await isWhole(ids))) for (const id of ids) if (!(await isWhole(Uint32Array.of(id)))) damaged.push(id)
    onProgress?.({ rows: first + ids.length, totalRows: table.rows })
  }
  return damaged
}
