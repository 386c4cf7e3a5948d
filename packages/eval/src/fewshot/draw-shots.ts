import { StemkitError } from '@stemkit/spec/errors'
import { valuesEqual } from '../prompts/template-values.ts'
import type { PythonRandom } from '../python/random.ts'
import type { Row } from '../tasks/rows.ts'
import type { ShotPool } from './shot-pool.ts'

/** Positions of shots in their pool. */
export interface ShotDraw {
  /** As they were drawn; undefined where nothing is drawn at random. */
  readonly drawn?: readonly number[]
  /** Without the evaluated document, cut to the number of shots. */
  readonly used: readonly number[]
}

export interface ShotSampler {
  readonly pool: ShotPool
  readonly sampler: 'default' | 'first_n'
  /** Drawn from once per document, in the order of the documents. */
  readonly random: PythonRandom
}

/**
 * Chooses the shots of one document as lm-evaluation-harness does: at random by CPython's `sample`, or the first ones.
 * @param except a document that must not be among its own shots; every row of equal value is left out
 */
export function drawShots(sampler: ShotSampler, count: number, except?: Row): ShotDraw {
  if (count === 0) return { used: [] }
  const { pool, random } = sampler
  const isOther = (index: number) => except === undefined || !valuesEqual(pool.row(index), except)
  if (sampler.sampler === 'first_n') {
    const used: number[] = []
    for (let index = 0; index < pool.size && used.length < count; index++) if (isOther(index)) used.push(index)
    if (used.length < count) throw tooFew(count, used.length)
    return { used }
  }
  const wanted = except === undefined ? count : count + 1
  if (wanted > pool.size) throw tooFew(wanted, pool.size)
  const drawn = random.sampleRange(pool.size, wanted)
  const used = drawn.filter(isOther).slice(0, count)
  if (used.length < count) throw tooFew(count, used.length)
  return { drawn, used }
}

const tooFew = (wanted: number, had: number) =>
  new StemkitError('bad-input', `${wanted} shots are asked for and ${had} can be had; ask for fewer`)
