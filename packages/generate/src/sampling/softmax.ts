const STEPS = 256
const PER_STEP = Math.LN2 / STEPS
const STEPS_PER_NAT = STEPS / Math.LN2
/** What is this far below the largest adds less to a sum than its last bit, whatever the size of a vocabulary. */
export const NEGLIGIBLE = -44
const fractions = Float64Array.from({ length: STEPS }, (_, i) => 2 ** (-i / STEPS))
const halvings = Float64Array.from({ length: 65 }, (_, i) => 2 ** -i)

/**
 * e^x for x <= 0, to 1e-14, and 0 below -44: a table of 2^(i/256), small enough to stay near, and what is left as a
 * polynomial. Three times as fast as Math.exp, which would take longer than anything else in choosing a token.
 */
export function decay(x: number): number {
  if (!(x >= NEGLIGIBLE)) return 0
  const steps = (0.5 - x * STEPS_PER_NAT) | 0
  const rest = x + steps * PER_STEP
  const power = 1 + rest * (1 + rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24))))
  return fractions[steps & (STEPS - 1)]! * halvings[steps >> 8]! * power
}

/** What logits are multiplied by for a temperature above 0. */
export const scaleOf = (temperature: number): number => Math.min(1 / temperature, Number.MAX_VALUE)

/** The id of the largest logit, the lowest of equal ones; of one that is no number, if there is any. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  let largest = logits[0]!
  // Four at a time, since hardly any is larger than all before it.
  const fours = logits.length - 3
  for (let id = 0; id < logits.length; id++) {
    while (
      id < fours &&
      logits[id]! <= largest &&
      logits[id + 1]! <= largest &&
      logits[id + 2]! <= largest &&
      logits[id + 3]! <= largest
    ) {
      id += 4
    }
    if (id === logits.length || logits[id]! <= largest) continue
    best = id
    largest = logits[id]!
    if (Number.isNaN(largest)) break
  }
  return best
}

/** ln of the sum of e^logit, in 64-bit floats; `largest` is the largest of them. */
export function logSumExp(logits: ArrayLike<number>, largest: number): number {
  let total = 0
  for (let i = 0; i < logits.length; i++) total += decay(logits[i]! - largest)
  return largest + Math.log(total)
}

/** ln softmax(logits)[id], in 64-bit floats. */
export function logProbability(logits: ArrayLike<number>, id: number): number {
  return logits[id]! - logSumExp(logits, logits[argmax(logits)]!)
}
