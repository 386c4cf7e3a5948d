import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createModelConfig, hashExpert, tokenExperts } from './index.ts'
import { readOracleCase } from './testing/oracle-case.ts'

test('the expert of a token is its Fibonacci hash modulo the number of experts, exactly', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), fc.integer({ min: 1, max: 100 }), (id, experts) => {
      const exact = Number(((BigInt(id) * 2654435761n) % 2n ** 32n) % BigInt(experts))
      expect(hashExpert(id, experts)).toBe(exact)
    }),
  )
})

test('the rule gives the table of the reference case', () => {
  const { config } = readOracleCase('hash-moe')
  expect(config.expertOfToken!.map((_, id) => hashExpert(id, 4))).toEqual(config.expertOfToken)
})

test('a table in the config goes before the rule', () => {
  const options = { vocabSize: 4, dim: 64, layers: 2, kind: 'hash_moe', experts: 3 }
  const ids = Int32Array.of(3, 0, 3)
  expect([...tokenExperts(createModelConfig(options), ids)]).toEqual([3, 0, 3].map((id) => hashExpert(id, 3)))
  const config = createModelConfig({ ...options, expertOfToken: [2, 2, 2, 1] })
  expect([...tokenExperts(config, ids)]).toEqual([1, 2, 1])
})
