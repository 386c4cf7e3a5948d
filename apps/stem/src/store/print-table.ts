import { payloadBytes, type RowTable, type TableVersion } from '@stemkit/store'

/** Prints what a table is, as one JSON object or as lines; `more` goes into the JSON. */
export async function printTable(
  table: RowTable,
  url: string,
  { json, ...more }: { readonly json: boolean | undefined; readonly resumedRows?: number },
): Promise<void> {
  const { id, rows, layout, version } = table
  const versions = await table.versions()
  const bytes = rows * payloadBytes(layout)
  if (json) {
    process.stdout.write(`${JSON.stringify({ url, id, rows, layout, bytes, version, versions, ...more })}\n`)
    return
  }
  const { layers, width, dtype, state } = layout
  process.stdout.write(
    [
      `rows      ${rows} of ${layers} x ${width} ${dtype}${state === 'none' ? '' : `, state ${state}`}`,
      `bytes     ${bytes}`,
      `table     ${id}`,
      ...versions.map((each) => `          ${versionLine(each)}`),
      '',
    ].join('\n'),
  )
}

export const versionLine = ({ version, kept, note }: TableVersion): string =>
  [`version ${version}`, kept ? 'kept' : '', note ?? ''].filter(Boolean).join('  ')
