import { createNgrams, type Ngrams } from './ngrams.ts'
import type { Job } from './job.ts'

/**
 * Guesses the next tokens from the text itself: what followed the last words where they stood before. Whether guesses come
 * true is watched for every token, also where none was tried, and what a pass of so many tokens costs is measured, so a
 * guess is only tried where it is expected to pay.
 */
export interface Speculation {
  /** Tokens that may follow those of the job, none where they would not pay. */
  draft(job: Job, most: number): readonly number[]
  /** A pass of `width` tokens of one sequence took so long. */
  measured(width: number, milliseconds: number): void
}

/** Lengths of drafts that are tried. */
const LENGTHS = [1, 2, 3, 4, 6, 8] as const
/** What a guess has to be expected to gain, as a share, before it is tried. */
const MARGIN = 1.05
/** Weight of the last observation. */
const NEW = 1 / 12
/** An expensive pass may have been bad luck: what is not measured again becomes cheaper by this, pass by pass. */
const FORGIVING = 0.9995
/** Weight of the last pass in what a pass of its width costs. */
const LATEST = 1 / 3

export function createSpeculation(): Speculation {
  /** Of guesses that came true, by what they rest on; shared by all texts at their start. */
  const general = { fresh: 0.3, going: 0.8 }
  const texts = new WeakMap<Job, Text>()
  const costs: number[] = []

  const textOf = (job: Job): Text => {
    let text = texts.get(job)
    if (!text)
      texts.set(job, (text = { ngrams: createNgrams(), guess: undefined, isGoing: false, chances: { ...general } }))
    return text
  }

  return {
    draft(job, most) {
      const text = textOf(job)
      watch(text, job.tokens, general)
      text.guess = text.ngrams.follow(1)[0]
      if (text.guess === undefined || most < 1 || costs[1] === undefined) return []
      const { fresh, going } = text.chances
      let length = 0
      let best = MARGIN
      let expected = 1
      let chance = text.isGoing ? going : fresh
      for (let i = 1; i <= Math.min(most, LENGTHS.at(-1)!); i++) {
        expected += chance
        chance *= going
        if (!LENGTHS.includes(i as 1)) continue
        const gain = expected / (costAt(costs, i + 1) / costs[1])
        if (gain > best) [best, length] = [gain, i]
      }
      return length === 0 ? [] : text.ngrams.follow(length)
    },

    measured(width, milliseconds) {
      const before = costs[width]
      costs[width] = before === undefined ? milliseconds : before + LATEST * (milliseconds - before)
      for (const other of costs.keys())
        if (other > 1 && other !== width && costs[other]! > costs[1]!) costs[other]! *= FORGIVING
    },
  }
}

interface Text {
  readonly ngrams: Ngrams
  /** What was expected to come next. */
  guess: number | undefined
  /** Whether the guess before came true. */
  isGoing: boolean
  readonly chances: { fresh: number; going: number }
}

/** Sees the tokens that are new, and which guesses came true. */
function watch(text: Text, tokens: readonly number[], general: Text['chances']): void {
  const isStart = text.ngrams.length === 0
  for (let at = text.ngrams.length; at < tokens.length; at++) {
    const token = tokens[at]!
    if (text.guess !== undefined) {
      const kind = text.isGoing ? 'going' : 'fresh'
      const came = text.guess === token ? 1 : 0
      text.chances[kind] += NEW * (came - text.chances[kind])
      general[kind] += NEW * (came - general[kind])
      text.isGoing = came === 1
    } else text.isGoing = false
    text.ngrams.push(token)
    text.guess = isStart ? undefined : text.ngrams.follow(1)[0]
  }
}

/** Of a pass of so many tokens: as measured, or as the nearest narrower one that was lets expect. */
function costAt(costs: readonly number[], width: number): number {
  let known = width
  while (costs[known] === undefined) known--
  const first = costs[1]!
  // Each token more is taken to cost a fifth of the first, until it is known better.
  const each = known === 1 ? 0.2 * first : Math.max(0, costs[known]! - first) / (known - 1)
  return costs[known]! + (width - known) * each
}
