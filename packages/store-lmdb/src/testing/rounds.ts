export const geometry = { rows: 300, rowBytes: 5000 }
export const allRows = Uint32Array.from({ length: geometry.rows }, (_, id) => id)

/** All rows as round `round` writes them: its number, again and again. */
export const bytesOf = (round: number): Uint8Array =>
  new Uint8Array(new Uint32Array((geometry.rows * geometry.rowBytes) / 4).fill(round).buffer)

/** The round that wrote each row; NaN for a row of several. */
export function roundsOf(bytes: Uint8Array): number[] {
  return [...allRows].map((id) => {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + id * geometry.rowBytes, geometry.rowBytes / 4)
    return words.every((word) => word === words[0]) ? words[0]! : Number.NaN
  })
}
