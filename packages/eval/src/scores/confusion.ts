import { StemkitError } from '@stemkit/spec/errors'

/** How often class 1 was right, given and predicted. Throws on other classes than 0 and 1. */
export function confusion(values: readonly (readonly [number, number])[]) {
  let truePositive = 0
  let gold = 0
  let predicted = 0
  for (const [label, prediction] of values) {
    if (!isBinary(label) || !isBinary(prediction)) {
      throw new StemkitError('bad-input', 'f1 is defined for two choices; these documents have more')
    }
    truePositive += label * prediction
    gold += label
    predicted += prediction
  }
  return { truePositive, gold, predicted }
}

const isBinary = (label: number) => label === 0 || label === 1
