import { startSearch, type AnswerTree } from './answer-tree.ts'
import type { Reader, Text } from './reader.ts'

/** A prompt as it is read, and what is asked about what follows. */
export interface Question {
  /** Row of the embeddings, and of the tables, that each position of the prompt gets [T]. */
  readonly embedded: readonly number[]
  readonly looked: readonly number[]
  /** The same for tokens behind the prompt, where an edit changed them. */
  readonly embeddedBehind?: ReadonlyMap<number, number>
  readonly lookedBehind?: ReadonlyMap<number, number>
  readonly tree: AnswerTree
  /** The answer whose probability is wanted. */
  readonly answer: number
}

export interface Reply {
  /** The answer of the highest probability. */
  readonly chosen: number
  /** ln of the probability of the answer that was asked about, all its tokens and the full stop. */
  readonly logprob: number
  /** Whether greedy decoding gives exactly that answer. */
  readonly generated: boolean
}

export interface AskOptions {
  readonly signal: AbortSignal
  /** Told how many questions are answered. */
  readonly onProgress?: (done: number) => void
}

/** Questions that are in work at once. */
const PORTION = 1024

/** Answers questions, those that come to the same once. */
export async function ask(
  reader: Reader,
  questions: readonly Question[],
  { signal, onProgress }: AskOptions,
): Promise<Reply[]> {
  const indexOf = new Map<string, number>()
  const distinct: Question[] = []
  const numbers = new Map<AnswerTree, number>()
  const places = questions.map((question) => {
    const key = keyOf(question, numbers)
    let index = indexOf.get(key)
    if (index === undefined) {
      indexOf.set(key, (index = distinct.length))
      distinct.push(question)
    }
    return index
  })
  const replies: Reply[] = []
  for (let from = 0; from < distinct.length; from += PORTION) {
    replies.push(...(await answerAll(reader, distinct.slice(from, from + PORTION), signal)))
    onProgress?.(Math.round((replies.length / distinct.length) * questions.length))
  }
  return places.map((index) => replies[index]!)
}

/** All that a reply depends on. */
function keyOf(question: Question, numbers: Map<AnswerTree, number>): string {
  const { embedded, looked, embeddedBehind, lookedBehind, tree, answer } = question
  const number = numbers.get(tree) ?? numbers.size
  numbers.set(tree, number)
  const behind = (rows: ReadonlyMap<number, number> = new Map()): string =>
    [...rows].filter(([token]) => tree.inner.has(token)).join(' ')
  return [number, answer, embedded, looked, behind(embeddedBehind), behind(lookedBehind)].join('|')
}

/** What is known behind a beginning of an answer. */
interface Known {
  readonly likeliest: number
  readonly logprobs: ReadonlyMap<number, number>
}

async function answerAll(reader: Reader, questions: readonly Question[], signal: AbortSignal): Promise<Reply[]> {
  const states = questions.map((question) => {
    const tokens = question.tree.answers[question.answer]!
    // Read first: most often it is what the search is about.
    return {
      question,
      tokens,
      search: startSearch(question.tree),
      known: new Map<string, Known>(),
      next: tokens.slice(0, -1),
    }
  })
  let open = states
  while (open.length > 0) {
    const texts = open.map(({ question, next, known }) => textOf(question, next, known.size > 0 ? next.length : 0))
    await reader.read(
      texts,
      (i, logits) => {
        const { question, next, known } = open[i]!
        const { vocabSize } = reader.config
        const first = next.length + 1 - logits.length / vocabSize
        for (let length = first; length <= next.length; length++) {
          const row = logits.subarray((length - first) * vocabSize, (length - first + 1) * vocabSize)
          const begun = next.slice(0, length)
          known.set(begun.join(' '), knownOf(row, childrenBehind(question.tree, begun)))
        }
      },
      signal,
    )
    open = open.filter((state) => {
      const { search, known } = state
      while (!search.found) {
        const found = known.get(search.wanted.join(' '))
        if (!found) {
          state.next = [...search.wanted]
          return true
        }
        search.tell(found.logprobs)
      }
      return false
    })
  }
  return states.map(({ tokens, search, known }) => {
    let logprob = 0
    let generated = true
    tokens.forEach((token, i) => {
      const { likeliest, logprobs } = known.get(tokens.slice(0, i).join(' '))!
      logprob += logprobs.get(token)!
      generated &&= likeliest === token
    })
    return { chosen: search.found!.answer, logprob, generated }
  })
}

/** A prompt with the beginning of an answer behind it, of which the logits behind `from` of its tokens are wanted. */
function textOf(question: Question, begun: readonly number[], from: number): Text {
  const { embedded, looked, embeddedBehind, lookedBehind } = question
  return {
    embedded: [...embedded, ...begun.map((token) => embeddedBehind?.get(token) ?? token)],
    looked: [...looked, ...begun.map((token) => lookedBehind?.get(token) ?? token)],
    from: looked.length - 1 + from,
  }
}

function childrenBehind({ root }: AnswerTree, begun: readonly number[]): Iterable<number> {
  let node = root
  for (const token of begun) node = node.children.get(token)!
  return node.children.keys()
}

function knownOf(logits: Float32Array, children: Iterable<number>): Known {
  let likeliest = 0
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[likeliest]!) likeliest = i
  const top = logits[likeliest]!
  let sum = 0
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - top)
  const total = top + Math.log(sum)
  return { likeliest, logprobs: new Map(Array.from(children, (token) => [token, logits[token]! - total])) }
}
