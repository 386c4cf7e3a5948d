import { expect, test } from 'vitest'
import { oracleCase } from './oracle-case.ts'
import { plainModel } from './plain-model.ts'

test.each(['gqa-stem', 'dense'])('the plain model gives the logits of the reference case %s', (name) => {
  const { config, weights, inputIds, logits } = oracleCase(name)
  const found = plainModel(config, weights)(inputIds[0]!).logits.flat()
  expect(Math.max(...found.map((value, i) => Math.abs(value - logits[i]!)))).toBeLessThan(2e-5)
})
