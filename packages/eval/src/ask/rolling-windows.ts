import type { TokenPair } from './encode-pair.ts'

export interface RollingOptions {
  /** What stands before the first token. */
  readonly startToken: number
  /** Tokens that the model reads at once. */
  readonly maxLength: number
  /** Tokens that the windows after the first one read before those that they score. Default 1. */
  readonly contextLength?: number
}

/**
 * A long text in windows that score each of its tokens once: of every window, the context is what comes before the tokens
 * that are scored in it. The last window reaches back as far as it can.
 */
export function rollingWindows(
  tokens: readonly number[],
  { startToken, maxLength, contextLength = 1 }: RollingOptions,
): TokenPair[] {
  const windows: TokenPair[] = []
  const step = maxLength - contextLength + 1
  for (let start = 0; start < tokens.length;) {
    const end = Math.min(tokens.length, start + (start === 0 ? maxLength : step))
    const context = start === 0 ? [startToken] : tokens.slice(end - maxLength - 1, start)
    windows.push({ context, continuation: tokens.slice(start, end) })
    start = end
  }
  return windows
}
