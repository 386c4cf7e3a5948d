import type { Batch } from '@stemkit/data'
import type { ModelConfig } from '@stemkit/spec/model-config'
import type { NamedArray, StepResult, Trainer, TrainerState } from '../trainer.ts'

const [BETA1, BETA2, EPS, DECAY, CLIP] = [0.9, 0.95, 1e-8, 0.1, 1]

/** One layer of a kind of its own: the logits of the next token are a row of a table plus a bias. */
const bigramConfig = (vocabSize: number): ModelConfig => ({
  dim: vocabSize,
  layers: 1,
  heads: 1,
  kvHeads: 1,
  headDim: vocabSize,
  ffnHidden: vocabSize,
  vocabSize,
  maxLength: 64,
  feedForwards: ['bigram'],
  ropeTheta: 10_000,
  normEps: 1e-5,
  crossDocumentMask: false,
})

interface Parameter {
  readonly shape: readonly number[]
  readonly p: Float32Array
  readonly m: Float32Array
  readonly v: Float32Array
  readonly g: Float64Array
}

/** Memory as the optimiser's workers have it: shared, several arrays in one buffer, none at its start. */
function parameters(shapes: Readonly<Record<string, readonly number[]>>): ReadonlyMap<string, Parameter> {
  const sizes = Object.values(shapes).map((shape) => shape.reduce((a, b) => a * b, 1))
  const memory = new SharedArrayBuffer(4 * (3 * sizes.reduce((a, b) => a + b, 0) + 1))
  let offset = 4
  const view = (length: number): Float32Array => {
    const array = new Float32Array(memory, offset, length)
    offset += array.byteLength
    return array
  }
  return new Map(
    Object.entries(shapes).map(([name, shape], i) => {
      const size = sizes[i]!
      return [name, { shape, p: view(size), m: view(size), v: view(size), g: new Float64Array(size) }]
    }),
  )
}

/** A bigram model in plain JavaScript: softmax cross-entropy, global-norm clipping, AdamW. */
export function bigramTrainer(vocabSize: number, seed = 1): Trainer {
  const params = parameters({ 'model.table.weight': [vocabSize, vocabSize], 'model.bias': [vocabSize] })
  const table = params.get('model.table.weight')!
  const bias = params.get('model.bias')!
  for (let i = 0; i < table.p.length; i++) table.p[i] = Math.sin(i * 12.9898 + seed) * 0.1
  let steps = 0

  /** Summed loss and number of counted positions; adds the gradient of the sum, if asked. */
  function pass(batch: Batch, backward: boolean): { sum: number; counted: number } {
    let [sum, counted] = [0, 0]
    const row = new Float64Array(vocabSize)
    for (let n = 0; n < batch.inputIds.length; n++) {
      if (batch.lossMask[n] === 0) continue
      counted++
      const [start, target] = [batch.inputIds[n]! * vocabSize, batch.targets[n]!]
      let total = 0
      for (let j = 0; j < vocabSize; j++) total += row[j] = Math.exp(table.p[start + j]! + bias.p[j]!)
      sum -= Math.log(row[target]! / total)
      if (!backward) continue
      for (let j = 0; j < vocabSize; j++) {
        const gradient = row[j]! / total - (j === target ? 1 : 0)
        table.g[start + j]! += gradient
        bias.g[j]! += gradient
      }
    }
    return { sum, counted }
  }

  function update(scale: number, lr: number, t: number): void {
    for (const { p, m, v, g } of params.values()) {
      for (let i = 0; i < p.length; i++) {
        const gradient = g[i]! * scale
        m[i] = BETA1 * m[i]! + (1 - BETA1) * gradient
        v[i] = BETA2 * v[i]! + (1 - BETA2) * gradient * gradient
        const change = m[i]! / (1 - BETA1 ** t) / (Math.sqrt(v[i]! / (1 - BETA2 ** t)) + EPS)
        p[i] = p[i]! - lr * (DECAY * p[i]! + change)
      }
    }
  }

  const views = (part: 'p' | 'm' | 'v'): ReadonlyMap<string, NamedArray> =>
    new Map([...params].map(([name, parameter]) => [name, { shape: parameter.shape, data: parameter[part] }]))

  return {
    config: bigramConfig(vocabSize),
    get steps() {
      return steps
    },
    async step(batches, learningRate): Promise<StepResult> {
      for (const { g } of params.values()) g.fill(0)
      let [sum, counted] = [0, 0]
      for (const batch of batches) {
        const part = pass(batch, true)
        sum += part.sum
        counted += part.counted
      }
      let squares = 0
      for (const { g } of params.values()) for (const x of g) squares += (x / counted) ** 2
      const gradNorm = Math.sqrt(squares)
      update(Math.min(1, CLIP / (gradNorm + 1e-6)) / counted, learningRate, ++steps)
      const ids = batches.flatMap((batch) => [...batch.inputIds])
      return { loss: sum / counted, gradNorm, tokens: ids.length, uniqueRows: new Set(ids).size, bytesCopied: 0 }
    },
    async evaluate(batch) {
      const { sum, counted } = pass(batch, false)
      return { loss: sum / counted, counted }
    },
    state: (): TrainerState => ({ steps, weights: views('p'), moments: views('m'), squares: views('v') }),
    restore(state) {
      for (const [name, { p, m, v }] of params) {
        p.set(state.weights.get(name)!.data)
        m.set(state.moments.get(name)!.data)
        v.set(state.squares.get(name)!.data)
      }
      steps = state.steps
    },
    async dispose() {},
  }
}
