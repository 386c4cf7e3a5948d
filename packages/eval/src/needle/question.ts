import { StemkitError } from '@stemkit/spec/errors'
import { pythonRandom, type PythonRandom } from '../python/random.ts'
import { strip } from '../python/text.ts'
import type { WordList } from './words.ts'

/** What keys and values of needles are. */
export type NeedleKind = 'words' | 'numbers' | 'uuids'

/** What a text is made of: one sentence over and over, essays, or needles that nobody asks for. */
export type Haystack = 'repeat' | 'essay' | 'needle'

export interface NeedleKinds {
  readonly haystack: Haystack
  readonly keys: NeedleKind
  readonly values: NeedleKind
  /** Needles with different keys. Default 1, at least `queryCount`. */
  readonly keyCount?: number
  /** Values of each key. Default 1. */
  readonly valueCount?: number
  /** Keys that are asked for. Default 1. */
  readonly queryCount?: number
}

export interface NeedleSource {
  readonly words: WordList
  /** The words of the essays, for haystacks of essays. */
  readonly essay?: readonly string[]
  /** The sentences of a text. Default `splitSentences`. */
  readonly splitSentences?: (text: string) => readonly string[]
}

export interface QuestionOptions extends NeedleKinds, NeedleSource {
  readonly random: PythonRandom
}

const REPEATED = 'The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.'
/** Of the order of the needles in a text, always the same. */
const ORDER_SEED = 42
/** Where needles may stand among the sentences of an essay, in percent. */
const depths = Array.from({ length: 40 }, (_, i) => Math.round((i * 100) / 39))

export interface Question {
  readonly input: string
  readonly answers: readonly string[]
  readonly query: string
}

export interface QuestionMaker {
  /** A question with so much hay; undefined where there are not places enough for its needles, which takes draws too. */
  make(size: number): Question | undefined
  /** What an answer begins with. */
  answerStart(query: string): string
}

/** Makes questions with one generator; each takes its draws from it, in the order of lm-evaluation-harness. */
export function questionMaker(options: QuestionOptions): QuestionMaker {
  const { haystack, keys: keyKind, values: valueKind, valueCount = 1, queryCount = 1, random } = options
  const keyCount = Math.max(options.keyCount ?? 1, queryCount)
  const isSingle = queryCount * valueCount === 1
  const kind = isSingle ? valueKind.slice(0, -1) : valueKind
  const draw = drawer(random, options.words)
  const sentencesOf = essaySentences(options)

  const hide = (needles: readonly string[], size: number): string | undefined => {
    if (haystack === 'essay') {
      const sentences = sentencesOf(size)
      if (needles.length > depths.length) return undefined
      const places = random.sample(depths, needles.length).map((depth) => Math.trunc(sentences.length * (depth / 100)))
      return amongSentences(
        sentences,
        needles,
        places.toSorted((a, b) => a - b),
      )
    }
    const lines = Array.from({ length: size }, () =>
      haystack === 'repeat' ? REPEATED : needleText(valueKind, draw(keyKind), draw(valueKind)),
    )
    if (needles.length > size) return undefined
    const places = random.sampleRange(size, needles.length).toSorted((a, b) => b - a)
    places.forEach((place, i) => lines.splice(place, 0, needles[i] ?? ''))
    return lines.join('\n')
  }

  return {
    make(size) {
      const pairs = Array.from({ length: keyCount }, () => ({
        key: draw(keyKind),
        values: Array.from({ length: valueCount }, () => draw(valueKind)),
      }))
      const needles = pairs.flatMap(({ key, values }) => values.map((value) => needleText(valueKind, key, value)))
      pythonRandom(ORDER_SEED).shuffle(needles)
      const context = hide(needles, size)
      if (context === undefined) return undefined
      const asked = random.sample(pairs, queryCount)
      const query = enumeration(asked.map(({ key }) => key))
      return {
        input: questionText(kind, context, query, isSingle),
        answers: asked.flatMap(({ values }) => values),
        query,
      }
    },
    answerStart: (query) =>
      `The special magic ${kind} for ${query} mentioned in the provided text ${isSingle ? 'is' : 'are'}`,
  }
}

const needleText = (kind: NeedleKind, key: string, value: string) =>
  `One of the special magic ${kind} for ${key} is: ${value}.`

function questionText(kind: string, context: string, query: string, isSingle: boolean): string {
  const [some, are, areAll] = isSingle ? ['A', 'is', 'is'] : ['Some', 'are', 'are all']
  return (
    `${some} special magic ${kind} ${are} hidden within the following text. Make sure to memorize it. ` +
    `I will quiz you about the ${kind} afterwards.\n${context}\n` +
    `What ${areAll} the special magic ${kind} for ${query} mentioned in the provided text?`
  )
}

const enumeration = (words: readonly string[]) =>
  words.length > 1 ? `${words.slice(0, -1).join(', ')}, and ${words.at(-1)}` : words.join('')

/** Keys and values, as the kinds have them. */
function drawer(random: PythonRandom, words: WordList): (kind: NeedleKind) => string {
  return (kind) => {
    if (kind === 'words') return words.at(random.randrange(words.size))
    if (kind === 'numbers') return String(random.randint(1_000_000, 9_999_999))
    return uuid(random.getrandbits(128))
  }
}

/** `uuid.UUID(int=bits, version=4)`. */
function uuid(bits: bigint): string {
  const variant = (bits & ~(0xc000n << 48n)) | (0x8000n << 48n)
  const versioned = (variant & ~(0xf000n << 64n)) | (4n << 76n)
  return versioned
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

function essaySentences({ haystack, essay, splitSentences: split = splitSentences }: QuestionOptions) {
  if (haystack === 'essay' && (essay === undefined || essay.length === 0)) {
    throw new StemkitError('bad-input', 'haystacks of essays need the text of some; pass it, or where its rows are')
  }
  let last: { readonly size: number; readonly sentences: readonly string[] } | undefined
  return (size: number) => {
    if (last?.size !== size) last = { size, sentences: split(strip((essay ?? []).slice(0, size).join(' '))) }
    return last.sentences
  }
}

/** The needles between sentences, each before the sentence at its place. */
function amongSentences(sentences: readonly string[], needles: readonly string[], places: readonly number[]): string {
  const parts = [...places, sentences.length].flatMap((end, i) => {
    const needle = needles[i]
    return [sentences.slice(places[i - 1] ?? 0, end).join(' '), ...(needle === undefined ? [] : [needle])]
  })
  return parts.join(' ')
}

/** Sentences end with a full stop, exclamation or question mark and a space. */
export const splitSentences = (text: string): string[] => text.split(/(?<=[.!?]) /)
