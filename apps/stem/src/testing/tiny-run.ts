import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Steps of the run below. */
export const TINY_STEPS = 40

/** Writes a text of a few thousand words, and `run.yaml` to train a very small STEM model on it. */
export async function writeTinyRun(folder: string): Promise<void> {
  await writeFile(join(folder, 'text.txt'), text(4000))
  await writeFile(
    join(folder, 'run.yaml'),
    `
seed: 3
model: { dim: 16, layers: 2, heads: 2, ffnHidden: 32, maxLength: 16, kind: stem }
tokenizer: { vocabSize: 300 }
data: { train: text.txt, heldOut: 0.1 }
training: { steps: ${TINY_STEPS}, batchSize: 2, learningRate: 1e-2, warmup: 4 }
evaluate: { every: 10, batches: 4 }
checkpoint: { every: 3, keep: 2 }
peakFlops: 1e9
`,
  )
}

/** Sentences in which each word has few that follow it. */
function text(words: number): string {
  const known = 'the state of our union is strong and we must go on with work for all people'.split(' ')
  let [at, said] = [0, '']
  for (let i = 0; i < words; i++) {
    said += known[at]! + (i % 13 === 12 ? '.\n' : ' ')
    at = (at * 5 + 1 + ((i * i) % 3)) % known.length
  }
  return said
}
