import { StemkitError } from '@stemkit/spec/errors'
import { permutation } from './random.ts'

/** Which documents are held out: the last ones, every n-th, or a share drawn by a seed. */
export type HeldOut =
  | { readonly last: number }
  | { readonly every: number }
  | { readonly fraction: number; readonly seed?: number }

const heldOutIndices = (count: number, rule: HeldOut): ReadonlySet<number> => {
  const all = Array.from({ length: count }, (_, i) => i)
  if ('last' in rule) return new Set(all.slice(Math.max(count - rule.last, 0)))
  if ('every' in rule) return new Set(all.filter((i) => i % rule.every === rule.every - 1))
  return new Set(permutation(count, rule.seed ?? 0, 0).subarray(0, Math.round(count * rule.fraction)))
}

const valid = (rule: HeldOut): boolean => {
  if ('last' in rule) return Number.isInteger(rule.last) && rule.last > 0
  if ('every' in rule) return Number.isInteger(rule.every) && rule.every > 1
  const { fraction, seed = 0 } = rule
  return fraction > 0 && fraction < 1 && Number.isSafeInteger(seed) && seed >= 0
}

/**
 * Parts documents into those to train on and those held out, both in their order.
 * Throws `bad-input` if either side would be empty.
 */
export const splitDocuments = <T>(documents: readonly T[], rule: HeldOut): { train: T[]; heldOut: T[] } => {
  const described = JSON.stringify(rule)
  if (!valid(rule)) throw new StemkitError('bad-input', `Documents cannot be held out by ${described}`)
  const indices = heldOutIndices(documents.length, rule)
  const train = documents.filter((_, i) => !indices.has(i))
  const heldOut = documents.filter((_, i) => indices.has(i))
  if (train.length === 0 || heldOut.length === 0) {
    const side = train.length === 0 ? 'train on' : 'hold out'
    throw new StemkitError('bad-input', `Of ${documents.length} documents, ${described} leaves none to ${side}`)
  }
  return { train, heldOut }
}
