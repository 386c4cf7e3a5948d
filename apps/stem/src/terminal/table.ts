export interface TableText {
  readonly head: readonly string[]
  /** The first cell of each row is its name, set left; the others are set right. */
  readonly rows: readonly (readonly string[])[]
}

/** Lines of cells in columns; `emphasis` is put on the head. */
export function alignColumns({ head, rows }: TableText, emphasis: (text: string) => string = (text) => text): string[] {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return [emphasis(line(head)), ...rows.map(line)]
}
