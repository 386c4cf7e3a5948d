import type { CheckpointWriter, RunState } from '../checkpoint.ts'
import type { NamedArray, TrainerState } from '../trainer.ts'

const copyArrays = (arrays: ReadonlyMap<string, NamedArray>): ReadonlyMap<string, NamedArray> =>
  new Map([...arrays].map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]))

export const copyState = ({ steps, weights, moments, squares }: TrainerState): TrainerState => ({
  steps,
  weights: copyArrays(weights),
  moments: copyArrays(moments),
  squares: copyArrays(squares),
})

/** Checkpoints kept in memory, in the order in which they were saved. */
export function memoryCheckpoints(): CheckpointWriter & { readonly saved: RunState[] } {
  const saved: RunState[] = []
  return {
    saved,
    async save(state) {
      saved.push({ ...structuredClone({ ...state, trainer: null }), trainer: copyState(state.trainer) })
    },
  }
}
