/** The bytes of a llama2.c checkpoint, whose numbers count up from 0. A negative vocabulary: a classifier of its own. */
export function llama2cCheckpoint(header: readonly number[], numbers: number): Uint8Array {
  const file = new ArrayBuffer(28 + 4 * numbers)
  new Int32Array(file, 0, 7).set(header)
  new Float32Array(file, 28).set(Float32Array.from({ length: numbers }, (_, i) => i))
  return new Uint8Array(file)
}

/** The bytes of a llama2.c tokenizer with the usual special and byte tokens, and then `pieces`. */
export function llama2cTokenizer(pieces: readonly (readonly [text: string, score: number])[]): Uint8Array {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const all = [...['<unk>', '\n<s>\n', '\n</s>\n', ...bytes].map((text) => [text, 0] as const), ...pieces]
  const parts = all.map(([text, score]) => {
    const piece = Buffer.alloc(8)
    piece.writeFloatLE(score, 0)
    piece.writeUInt32LE(Buffer.byteLength(text), 4)
    return Buffer.concat([piece, Buffer.from(text)])
  })
  return new Uint8Array(Buffer.concat([Buffer.from([27, 0, 0, 0]), ...parts]))
}
