import { StemkitError } from '@stemkit/spec/errors'
import { serializeModelConfig } from '@stemkit/weights'
import type { RunState } from './checkpoint.ts'
import type { NamedArray, Trainer, TrainerState } from './trainer.ts'

/**
 * Throws `bad-input`, naming the first difference, if a saved state is not one of this trainer's model: another
 * configuration, a weight or moment that is missing, unknown or of another shape.
 * @param where names the state in the message
 */
export function requireFit(
  saved: Pick<RunState, 'config' | 'trainer'>,
  trainer: Pick<Trainer, 'config' | 'state'>,
  where = 'the state to resume',
): void {
  const wrong = (what: string): StemkitError =>
    new StemkitError('bad-input', `${where}: ${what}; resume with the settings it was saved with, or start afresh`)

  const [theirs, ours] = [serializeModelConfig(saved.config), serializeModelConfig(trainer.config)]
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    const [a, b] = [JSON.stringify(theirs[key]), JSON.stringify(ours[key])]
    if (a !== b) throw wrong(`its model has ${key} ${a ?? 'unset'}, this one ${b ?? 'unset'}`)
  }

  const own = trainer.state()
  for (const part of ['weights', 'moments', 'squares'] as const) {
    const difference = firstDifference(saved.trainer[part], own[part])
    if (difference) throw wrong(`among its ${part}, ${difference}`)
  }
}

/** The first name that only one side has, or has with another shape, in words. */
function firstDifference(saved: TrainerState['weights'], own: TrainerState['weights']): string | undefined {
  for (const [name, { shape }] of own) {
    const there = saved.get(name)
    if (!there) return `${name} is missing`
    if (!sameShape(there, { shape })) return `${name} has shape [${there.shape}], not [${shape}]`
  }
  const unknown = [...saved.keys()].find((name) => !own.has(name))
  return unknown === undefined ? undefined : `${unknown} is unknown to this model`
}

export const sameShape = (a: Pick<NamedArray, 'shape'>, b: Pick<NamedArray, 'shape'>): boolean =>
  a.shape.length === b.shape.length && a.shape.every((size, i) => size === b.shape[i])
