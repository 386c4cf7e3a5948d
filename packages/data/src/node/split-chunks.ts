/** Parts of a text between separators, in time linear in the text however it is chunked. */
export async function* splitChunks(chunks: AsyncIterable<string>, separator: string): AsyncGenerator<string> {
  const overlap = separator.length - 1
  let pending: string[] = []
  let carry = ''
  for await (const chunk of chunks) {
    const text = carry + chunk
    let start = 0
    for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, start)) {
      pending.push(text.slice(start, at))
      yield pending.join('')
      pending = []
      start = at + separator.length
    }
    const kept = Math.max(start, text.length - overlap)
    pending.push(text.slice(start, kept))
    carry = text.slice(kept)
  }
  yield [...pending, carry].join('')
}
