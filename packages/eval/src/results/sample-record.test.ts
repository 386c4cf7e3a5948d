import { expect, it } from 'vitest'
import { sampleOnDisk, sampleRecord, taskHash } from './sample-record.ts'

const sample = {
  docId: 3,
  row: { q: 'é?', n: 1 },
  filter: 'none',
  target: [1, "it's"],
  arguments: [['Q: é?\nA:', ' yes'] as const],
  responses: [[[-2, true]]],
  filteredResponses: [[-2, true]],
  metrics: { acc: 1, f1: [1, 0] },
}

// sha256 of the texts, by Python's hashlib.
const hashes = {
  doc_hash: 'e6bd7eefc849e986fc6d619136802596e58cea855f590ac046d15ca7069ce16b',
  prompt_hash: 'c33235f3ce9b2ff6d80dbe757111a0ea7923d0c91152df85821df67e6be6448a',
  target_hash: '00edaa60fd97a66b65d806fb39e57788147c0df001e94a8ebc11c0910e747693',
}

it('is logged with hashes of the row, the prompt and the target as Python prints it', async () => {
  expect(await sampleRecord(sample)).toEqual({
    doc_id: 3,
    doc: sample.row,
    target: sample.target,
    arguments: sample.arguments,
    resps: sample.responses,
    filtered_resps: sample.filteredResponses,
    filter: 'none',
    metrics: ['acc', 'f1'],
    acc: 1,
    f1: [1, 0],
    ...hashes,
  })
})

it('is text on disk, with named arguments', async () => {
  expect(sampleOnDisk(await sampleRecord(sample))).toMatchObject({
    target: '[1, "it\'s"]',
    arguments: { gen_args_0: { arg_0: 'Q: é?\nA:', arg_1: ' yes' } },
    resps: [[['-2.0', 'True']]],
    filtered_resps: [['-2.0', 'True']],
  })
})

it('adds to the hash of its task', async () => {
  const record = await sampleRecord(sample)
  expect(await taskHash([record, record])).toBe('e514a98cd39befcaa01342b99680e8890e31c95e6739f0ffff07241924b1bfb3')
})
