import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { Piece } from './generation.ts'
import type { ChosenToken } from './sampling/token-chooser.ts'
import { createStopStrings } from './stop-strings.ts'
import { createTextStream } from './text-stream.ts'

export interface PiecesOptions {
  /** Without one, pieces have no text. */
  readonly tokenizer: Tokenizer | undefined
  readonly promptTokens: readonly number[]
  /** Strings that end the text. @throws bad-input for an empty one */
  readonly stop: readonly string[]
  /** Tokens that end the text. */
  readonly ends: ReadonlySet<number>
  /** How many tokens there are at most. */
  readonly limit: number
}

/** Makes tokens, as they are chosen, into pieces of text, the last of which says why. */
export function createPieces({
  tokenizer,
  promptTokens,
  stop,
  ends,
  limit,
}: PiecesOptions): (chosen: ChosenToken) => Piece {
  const stops = createStopStrings(stop)
  const text = tokenizer && createTextStream(tokenizer, promptTokens)
  let made = 0

  return (chosen) => {
    made++
    const isEnd = ends.has(chosen.token)
    const found = stops.push((isEnd ? text?.flush() : text?.push(chosen.token)) ?? '')
    if (found.stopped) return { ...chosen, text: found.text, finishReason: 'stop' }
    if (isEnd) return { ...chosen, text: found.text + stops.flush(), finishReason: 'stop' }
    if (made < limit) return { ...chosen, text: found.text }
    const last = stops.push(text?.flush() ?? '')
    const rest = last.stopped ? '' : stops.flush()
    return { ...chosen, text: found.text + last.text + rest, finishReason: last.stopped ? 'stop' : 'length' }
  }
}
