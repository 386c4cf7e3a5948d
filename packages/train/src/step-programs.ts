import type { Engine, LoadOptions, Program, TensorFunction } from '@stemkit/compile'
import { gradientGraph, gradientName, graphInputs, logitsGraph, lossGraph, type GraphOptions } from './step-graph.ts'

/** The compiled graphs of a trainer. */
export interface StepPrograms {
  gradients(): Promise<Program>
  losses(): Promise<Program>
  logits(): Promise<Program>
  dispose(): Promise<void>
}

/**
 * Graphs are made when first used: a run that never asks for logits does not pay for them. `summed` are weights whose gradients the
 * caller adds up, where the engine leaves that to it.
 */
export function stepPrograms(engine: Engine, graph: GraphOptions, summed: readonly string[]): StepPrograms {
  const loaded = new Map<string, Promise<Program>>()
  const load = (name: string, fn: () => TensorFunction, options?: LoadOptions): Promise<Program> => {
    let program = loaded.get(name)
    if (!program) loaded.set(name, (program = engine.load(fn(), graphInputs(graph), options)))
    return program
  }
  const summands = summed.map(gradientName)
  return {
    gradients: () => load('gradients', () => gradientGraph(graph), { summands }),
    losses: () => load('losses', () => lossGraph(graph)),
    logits: () => load('logits', () => logitsGraph(graph)),
    async dispose() {
      for (const program of loaded.values()) await program.then((each) => each.dispose()).catch(() => {})
    },
  }
}
