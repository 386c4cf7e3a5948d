/** The answers that a question may have, as the tokens that they begin with in common and those in which they part. */
export interface AnswerTree {
  /** Tokens of each answer, the full stop at its end included, so that none is the beginning of another. */
  readonly answers: readonly (readonly number[])[]
  /** All tokens that are read after a prompt while answers are compared: those with another one behind them. */
  readonly inner: ReadonlySet<number>
  readonly root: AnswerNode
}

export interface AnswerNode {
  readonly children: ReadonlyMap<number, AnswerNode>
  /** The answer that ends here. */
  readonly answer: number | undefined
}

interface Growing extends AnswerNode {
  readonly children: Map<number, Growing>
  answer: number | undefined
}

export function createAnswerTree(answers: readonly (readonly number[])[]): AnswerTree {
  const newNode = (): Growing => ({ children: new Map(), answer: undefined })
  const root = newNode()
  const inner = new Set<number>()
  answers.forEach((tokens, answer) => {
    let node = root
    tokens.forEach((token, i) => {
      if (i < tokens.length - 1) inner.add(token)
      const child = node.children.get(token) ?? newNode()
      node.children.set(token, child)
      node = child
    })
    node.answer = answer
  })
  return { answers, inner, root }
}

/** A comparison of answers under way: the most probable beginning is read on, until it is a whole answer. */
export interface Search {
  /** The likeliest answer so far and ln of its probability, once no other can be likelier. */
  readonly found: { readonly answer: number; readonly logprob: number } | undefined
  /** What has to be read next: tokens behind the prompt. */
  readonly wanted: readonly number[]
  /** Tells ln p of each token that an answer may go on with there. */
  tell(logprobs: ReadonlyMap<number, number>): void
}

/**
 * Finds the answer of the highest probability without reading all of them: a beginning is at least as probable as each
 * answer that it begins.
 */
export function startSearch({ root }: AnswerTree): Search {
  interface Beginning {
    readonly node: AnswerNode
    readonly tokens: readonly number[]
    readonly logprob: number
  }
  const open: Beginning[] = [{ node: root, tokens: [], logprob: 0 }]
  const best = (): Beginning => open.reduce((a, b) => (b.logprob > a.logprob ? b : a))
  let next = best()
  return {
    get found() {
      const { answer } = next.node
      return answer === undefined ? undefined : { answer, logprob: next.logprob }
    },
    get wanted() {
      return next.tokens
    },
    tell(logprobs) {
      open.splice(open.indexOf(next), 1)
      for (const [token, node] of next.node.children) {
        open.push({ node, tokens: [...next.tokens, token], logprob: next.logprob + logprobs.get(token)! })
      }
      next = best()
    },
  }
}
