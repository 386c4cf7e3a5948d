/** Cuts a text into the longest of `pieces` at each place, else into the UTF-8 bytes of one character. */
export function toyTokenizer(pieces: readonly string[], firstPiece: number): (text: string) => number[] {
  return (text) => {
    const ids: number[] = []
    for (let at = 0; at < text.length;) {
      const fitting = pieces.filter((piece) => text.startsWith(piece, at))
      const longest = fitting.reduce((best, piece) => (piece.length > best.length ? piece : best), '')
      if (longest !== '') {
        ids.push(firstPiece + pieces.indexOf(longest))
        at += longest.length
      } else {
        const character = String.fromCodePoint(text.codePointAt(at)!)
        ids.push(...new TextEncoder().encode(character))
        at += character.length
      }
    }
    return ids
  }
}
