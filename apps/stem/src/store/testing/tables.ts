import { createRowTable, openRowTable, recordBytes, type RowLayout, type RowTable } from '@stemkit/store'
import { fileRows } from '@stemkit/store/node'
import { openRows } from './open-rows.ts'

/** Makes a table in a folder; byte b of row i is what `byteOf(i)` says. */
export async function makeFileTable(
  folder: string,
  { rows, layout, byteOf }: { rows: number; layout: RowLayout; byteOf: (id: number) => number },
): Promise<void> {
  const driver = await fileRows(folder, { create: { rows, rowBytes: recordBytes(layout) } })
  const fill = (ids: Uint32Array, into: Uint8Array): void => {
    const size = into.length / ids.length
    ids.forEach((id, i) => into.fill(byteOf(id), i * size, (i + 1) * size))
  }
  const table = await createRowTable({ driver, layout, rows, fill })
  await table.dispose()
}

const tableAt = async (url: string): Promise<RowTable> =>
  openRowTable({ driver: await openRows(url, { readOnly: true }), mode: 'read' })

/** All rows of the table at a URL. */
export async function contentAt(url: string): Promise<Buffer> {
  const table = await tableAt(url)
  try {
    const into = Buffer.alloc(table.rows * table.rowBytes)
    await table.read(
      Uint32Array.from({ length: table.rows }, (_, id) => id),
      into,
    )
    return into
  } finally {
    await table.dispose()
  }
}
