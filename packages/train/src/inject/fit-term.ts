import type { Arrays, InputSpec, TensorFunction } from '@stemkit/compile'
import { StemkitError } from '@stemkit/spec/errors'
import { gradientName } from '../step-graph.ts'
import { feedsOf, type FitBatch, type FitBatches } from './fit-batches.ts'
import type { FitShape } from './fit-graph.ts'
import type { FittedPlaces } from './fitted-places.ts'
import { frozenOf, shapeOf, type Reading } from './log-probabilities.ts'

/** A part of what a fit makes small. */
export interface FitTerm {
  /** Of the rows as they lie in the block now. */
  compute(signal: AbortSignal | undefined): Promise<TermValue>
  dispose(): Promise<void>
}

export interface TermValue {
  readonly value: number
  /** By fitted table: of the fitted rows [F, w]. */
  readonly gradients: readonly Float32Array[]
}

export interface FitTermOptions extends Reading {
  readonly fitted: FittedPlaces
  readonly graph: (shape: FitShape) => TensorFunction
  readonly inputs: (shape: FitShape) => Record<string, InputSpec>
  readonly batches: FitBatches
  /** What the graph reads of a batch besides. */
  readonly extra: (batch: FitBatch, index: number) => Arrays
}

/** Compiles a term. It computes its batches one after the other and adds up. */
export async function openTerm(options: FitTermOptions): Promise<FitTerm> {
  const { model, engine, graph, inputs, batches, block, extra } = options
  const { tables, places } = options.fitted
  const { width } = block
  const shape = shapeOf(model, batches, tables)
  const program = await engine.load(graph(shape), inputs(shape), { frozen: frozenOf(model) })
  const feeds = batches.batches.map((batch, i) => ({ ...feedsOf(batch, block), ...extra(batch, i) }))
  return {
    async compute(signal) {
      const gradients = tables.map(() => new Float32Array(places.length * width))
      let value = 0
      for (const batch of feeds) {
        signal?.throwIfAborted()
        const found = await program.run(batch, signal ? { signal } : {})
        value += found['value']![0] as number
        tables.forEach((name, t) => {
          const whole = found[gradientName(name)] as Float32Array
          for (const [f, place] of places.entries()) {
            for (let k = 0; k < width; k++) gradients[t]![f * width + k]! += whole[place * width + k]!
          }
        })
      }
      if (Number.isFinite(value)) return { value, gradients }
      throw new StemkitError('diverged', 'inject: the loss is not a number; take a smaller learning rate')
    },
    dispose: () => program.dispose(),
  }
}
