import { StemkitError } from '@stemkit/spec/errors'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { Row } from '../tasks/rows.ts'

/**
 * Rows as JSON would have them: whole numbers of 64 bits are numbers, as far as these are exact.
 * @throws corrupt for what is no Parquet file
 */
export async function rowsOfParquet(name: string, bytes: Uint8Array): Promise<readonly Row[]> {
  // A view of a larger buffer would be read from the buffer's start.
  const file = bytes.slice().buffer
  try {
    const rows = await parquetReadObjects({ file, compressors })
    return rows.map((row) => asJson(row) as Row)
  } catch (cause) {
    throw new StemkitError('corrupt', `${name} is no Parquet file that can be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function asJson(value: unknown): unknown {
  if (typeof value === 'bigint') {
    if (BigInt(Number(value)) !== value) throw new RangeError(`${value} is too large for a number`)
    return Number(value)
  }
  if (value instanceof Date) return value.toISOString()
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number | bigint>, asJson)
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, asJson(each)]))
  }
  return value ?? null
}
