import { StemkitError } from '@stemkit/spec/errors'

export interface Truncation {
  /** Where a prompt is cut that is too long. Default `left`. */
  readonly side?: 'left' | 'middle' | 'right'
  /** Whether fewer tokens are generated, down to `minTokens`, before a prompt is cut. Default false. */
  readonly shrink?: boolean
  /** Default 1. */
  readonly minTokens?: number
}

export interface FittedPrompt {
  readonly tokens: readonly number[]
  readonly maxTokens: number
}

/**
 * Makes room for an answer of `maxTokens` tokens in a model that reads `maxLength`.
 * @throws bad-input where the answer alone leaves no room for a prompt
 */
export function fitPrompt(
  tokens: readonly number[],
  maxTokens: number,
  maxLength: number,
  { side = 'left', shrink = false, minTokens = 1 }: Truncation = {},
): FittedPrompt {
  if (tokens.length + maxTokens <= maxLength) return { tokens, maxTokens }
  if (shrink && maxLength - tokens.length >= minTokens) return { tokens, maxTokens: maxLength - tokens.length }
  const kept = shrink ? minTokens : maxTokens
  const room = maxLength - kept
  if (room <= 0) {
    throw new StemkitError(
      'bad-input',
      `an answer of ${kept} tokens leaves no room for a prompt in a model of ${maxLength} tokens; set max_gen_toks below that, or let answers shrink`,
    )
  }
  return { tokens: cut(tokens, room, side), maxTokens: kept }
}

function cut(tokens: readonly number[], length: number, side: 'left' | 'middle' | 'right'): readonly number[] {
  if (side === 'left') return tokens.slice(-length)
  if (side === 'right') return tokens.slice(0, length)
  const before = Math.floor(length / 2)
  return [...tokens.slice(0, before), ...tokens.slice(before - length)]
}
