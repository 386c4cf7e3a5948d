import type { RowOptions } from '@stemkit/spec/row-driver'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { valueBytes, type RowTable } from '@stemkit/store'

export interface HashOptions extends RowOptions {
  /** Told after each few megabytes. */
  readonly onProgress?: ((progress: { readonly rows: number; readonly totalRows: number }) => void) | undefined
}

/** Bytes that are hashed at a time. */
const CHUNK_BYTES = 4 * 2 ** 20

/**
 * `sha256:...` of all values of a table and their layout: copies of a table have the same, whatever they are kept in. Edits
 * and the state of optimisers do not count. Reads the whole table.
 */
export async function tableHash(table: RowTable, { onProgress, ...options }: HashOptions = {}): Promise<string> {
  const { rows, rowBytes, layout } = table
  const size = valueBytes(layout)
  const step = Math.max(1, Math.floor(CHUNK_BYTES / size))
  const digests: string[] = [`${rows} x ${layout.layers} x ${layout.width} ${layout.dtype}`]
  for (let first = 0; first < rows; first += step) {
    options.signal?.throwIfAborted()
    const ids = Uint32Array.from({ length: Math.min(step, rows - first) }, (_, i) => first + i)
    const read = new Uint8Array(ids.length * rowBytes)
    await table.read(ids, read, options)
    digests.push(await sha256(withoutState(read, rowBytes, size)))
    onProgress?.({ rows: first + ids.length, totalRows: rows })
  }
  return `sha256:${await sha256(new TextEncoder().encode(digests.join('\n')))}`
}

/** `sha256:...` of all tokens of a vocabulary, in the order of their ids. */
export async function vocabularyHash(tokenizer: Tokenizer): Promise<string> {
  const tokens = Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.idToToken(id) ?? null)
  return `sha256:${await sha256(new TextEncoder().encode(JSON.stringify(tokens)))}`
}

/** Rows cut down to their first `size` bytes. */
export function withoutState(bytes: Uint8Array, rowBytes: number, size: number): Uint8Array {
  if (rowBytes === size) return bytes
  const rows = bytes.length / rowBytes
  const cut = new Uint8Array(rows * size)
  for (let i = 0; i < rows; i++) cut.set(bytes.subarray(i * rowBytes, i * rowBytes + size), i * size)
  return cut
}

/** In hexadecimal. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes.slice())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
