/**
 * Text, tokenizer, batches, 50 steps, a sample: training a STEM model without the command line.
 *
 *     node examples/train-from-code.ts [folder to save the model in]
 */
import { availableParallelism } from 'node:os'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { batchesInOrder, createLoader, packDocuments, splitDocuments } from '@stemkit/data'
import { createModel } from '@stemkit/generate'
import { countParameters, createModelConfig, presets } from '@stemkit/model'
import { loadTokenizer } from '@stemkit/tokenizer'
import { trainBpe } from '@stemkit/tokenizer/train'
import { createTrainer, evaluate, train, warmupCosine } from '@stemkit/train'
import { spawnWorker } from '@stemkit/train/node'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'
import { readAddresses } from './addresses.ts'

const steps = 50
const batch = { size: 4, length: 128 }

// Text to tokens. The last addresses are held out.
const texts = splitDocuments(readAddresses().slice(-40), { last: 1 })
const tokenizerJson = await trainBpe({ texts: texts.train, vocabSize: 2048 })
const tokenizer = loadTokenizer(tokenizerJson)
const pack = (documents: readonly string[]) =>
  packDocuments(
    documents.map((text) => tokenizer.encode(text)),
    { length: batch.length, endOfText: tokenizer.special.eos! },
  )
const tokens = { train: pack(texts.train), heldOut: pack(texts.heldOut) }

// #region train
// A model and what trains it.
const config = createModelConfig({ ...presets.tiny, maxLength: batch.length, vocabSize: tokenizer.vocabSize })
const { total, active } = countParameters(config)
console.log(`${tokens.train.tokens.length} tokens; ${total} parameters, of which a token uses ${active}`)

const engine = compiledEngine(nodeRuntime(), { threads: availableParallelism() })
const trainer = await createTrainer({ config, weights: { seed: 1 }, batch, engine, spawnWorker })

// A run is an iterator of steps.
const run = train({
  trainer,
  loader: createLoader({ sequences: tokens.train, batchSize: batch.size, seed: 1 }),
  schedule: warmupCosine({ peak: 5e-3, warmup: 10, steps, floor: 0.1 }),
  steps,
})
for await (const { index, loss, tokensPerSecond } of run) {
  if (index % 10 === 0 || index === steps - 1) {
    console.log(`step ${index}: loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s`)
  }
}
// #endregion
const heldOut = await evaluate(trainer, batchesInOrder(tokens.heldOut, batch.size))
console.log(`held-out loss ${heldOut.loss.toFixed(3)}`)

// The trained weights, as a model that generates.
const { weights } = trainer.state()
const model = await createModel({ config, weights, tokenizer, engine })
let text = 'The people of the United States'
for await (const piece of model.generate(text, { maxTokens: 40, seed: 1 })) text += piece.text
console.log(`sample: ${text.replaceAll(/\s+/g, ' ')}`)

const folder = process.argv[2]
if (folder !== undefined) {
  const tensors = new Map(Array.from(weights, ([name, { shape, data }]) => [name, fromFloat32(data, shape)]))
  await writeModelFolder(folder, { config, tensors, tokenizerJson })
  console.log(`saved in ${folder}`)
}

await model.dispose()
await trainer.dispose()
