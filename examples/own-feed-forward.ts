/**
 * A feed-forward of your own, trained beside STEM and dense ones on the same batches.
 *
 *     node examples/own-feed-forward.ts
 */
import { availableParallelism } from 'node:os'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { batchesInOrder, createLoader, packDocuments, splitDocuments } from '@stemkit/data'
import { countFlops, createModelConfig, presets, type FeedForwardDefinition } from '@stemkit/model'
import { add, gatedFfn, gatherRows, linear, type Tensor2D } from '@stemkit/tensor'
import { loadTokenizer } from '@stemkit/tokenizer'
import { trainBpe } from '@stemkit/tokenizer/train'
import { createTrainer, evaluate, train, warmupCosine } from '@stemkit/train'
import { spawnWorker } from '@stemkit/train/node'
import { readAddresses } from './addresses.ts'

// #region feed_forward
/**
 * STEM with a little context: y = Wd( silu(Wg x) * (U[token] + B A x) ). The row of the token is corrected by a product of
 * low rank, where a dense layer computes all of it and a STEM layer nothing.
 */
const rank = 16
const correctedStem: FeedForwardDefinition = {
  // Names within the layer, shapes [out, in], and what they are: of a table, a batch sees only its rows.
  weights: ({ dim, ffnHidden, vocabSize }) => ({
    'gate.weight': { shape: [ffnHidden, dim], role: 'matrix' },
    'table.weight': { shape: [vocabSize, ffnHidden], role: 'table' },
    'low.weight': { shape: [rank, dim], role: 'matrix' },
    'high.weight': { shape: [ffnHidden, rank], role: 'matrix' },
    'down.weight': { shape: [dim, ffnHidden], role: 'matrix' },
  }),
  // x [N, d] -> y [N, d]. Gradients, compiling, both optimisers and checkpoints follow from these lines.
  build(weight, { inverse }) {
    const matrix = (name: string) => weight(`${name}.weight`) as Tensor2D
    return (x) => {
      const row = gatherRows(matrix('table'), inverse!)
      const correction = linear(linear(x, matrix('low')), matrix('high'))
      return { y: gatedFfn(x, add(row, correction), { gate: matrix('gate'), down: matrix('down') }) }
    }
  },
}
// #endregion

const steps = 60
const batch = { size: 4, length: 64 }
const custom = { corrected_stem: correctedStem }
const engine = compiledEngine(nodeRuntime(), { threads: availableParallelism() })

const texts = splitDocuments(readAddresses().slice(-40), { last: 1 })
const tokenizer = loadTokenizer(await trainBpe({ texts: texts.train, vocabSize: 1024 }))
const pack = (documents: readonly string[]) =>
  packDocuments(
    documents.map((text) => tokenizer.encode(text)),
    { length: batch.length, endOfText: tokenizer.special.eos! },
  )
const tokens = { train: pack(texts.train), heldOut: pack(texts.heldOut) }

/** Trains a model whose layers, all but the first, are of one kind. */
async function heldOutLoss(kind: string): Promise<{ loss: number; flops: number }> {
  const config = createModelConfig({ ...presets.tiny, kind, maxLength: batch.length, vocabSize: tokenizer.vocabSize })
  const trainer = await createTrainer({ config, weights: { seed: 1 }, batch, engine, spawnWorker, custom })
  const loader = createLoader({ sequences: tokens.train, batchSize: batch.size, seed: 1 })
  const schedule = warmupCosine({ peak: 5e-3, warmup: 10, steps, floor: 0.1 })
  let first: number | undefined
  for await (const { loss } of train({ trainer, loader, schedule, steps })) first ??= loss
  const { loss } = await evaluate(trainer, batchesInOrder(tokens.heldOut, batch.size))
  await trainer.dispose()
  console.log(`${kind}: loss ${first!.toFixed(3)} at first, held-out ${loss.toFixed(3)} after ${steps} steps`)
  return { loss, flops: countFlops(config, { length: batch.length, custom }).training }
}

const dense = await heldOutLoss('dense')
for (const kind of ['stem', 'corrected_stem']) {
  const { loss, flops } = await heldOutLoss(kind)
  const [worse, cost] = [loss - dense.loss, flops / dense.flops]
  console.log(`${kind}: ${worse.toFixed(3)} nats from dense, at ${(100 * cost).toFixed(0)}% of its FLOPs per token`)
}
