import { evaluate, type EvalModel, type EvalRun, type RowSource } from '@stemkit/eval'

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']
const sums = Array.from({ length: 24 }, (_, i) => ({ a: i % 5, b: (3 * i) % 5 }))

const arc = sums.map(({ a, b }, i) => ({
  id: `sum ${i}`,
  question: `How many apples are ${NUMBERS[a]} apples and ${NUMBERS[b]} apples?`,
  choices: { text: [0, 1, 2, 3].map((wrong) => NUMBERS[(a + b + wrong) % 10]!), label: ['A', 'B', 'C', 'D'] },
  answerKey: 'A',
}))
const gsm8k = sums.map(({ a, b }) => ({
  question: `What is ${a} + ${b}?`,
  answer: `${a} + ${b} = ${a + b}\n#### ${a + b}`,
}))
const wikitext = [0, 8, 16].map((from) => ({
  page: ` = Sums = \n ${sums
    .slice(from, from + 8)
    .map(({ a, b }) => `${a} plus ${b} is ${a + b} .`)
    .join(' ')} \n`,
}))

/** Rows that are small enough for any model, by the names of real tasks. */
const rows: RowSource = async ({ path, split }) => {
  if (path === 'allenai/ai2_arc') return split === 'test' ? arc.slice(8) : arc.slice(0, 8)
  if (path === 'openai/gsm8k') return split === 'test' ? gsm8k.slice(8) : gsm8k.slice(0, 8)
  return wikitext
}

/** Choices with shots, texts that are made, and texts that are scored whole, on few rows. */
export const evaluateSmall = (
  model: EvalModel,
  tasks: readonly string[] = ['arc_easy', 'gsm8k', 'wikitext'],
): Promise<EvalRun> =>
  evaluate({ model, tasks, rows, limit: 5, numFewshot: 2, genKwargs: { max_gen_toks: 8 }, bootstrapRounds: 0 })
