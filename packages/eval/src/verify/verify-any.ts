import type { TaskRegistry } from '../tasks/task-registry.ts'
import type { Mismatch } from './compare.ts'
import { failure } from './failure.ts'
import { isEvalRecord, missingParts } from './record.ts'
import { isNeedlesRecord, verifyNeedles } from './verify-needles.ts'
import { verifyRecord, type VerifiedTask } from './verify-record.ts'
import { isUnitsRecord, verifyUnits } from './verify-units.ts'

/**
 * Verifies a record of any layout. Never throws: what cannot be built is a mismatch.
 * @param name stands for a record that is so odd that its tasks cannot be told
 * @returns undefined for what is no record
 */
export async function verifyAny(
  name: string,
  record: unknown,
  registry: TaskRegistry,
): Promise<VerifiedTask[] | undefined> {
  try {
    if (isEvalRecord(record)) return await verifyRecord(record, registry)
    if (isUnitsRecord(record)) return await verifyUnits(record)
    if (isNeedlesRecord(record)) return await verifyNeedles(record)
    const missing = missingParts(record)
    return missing && [failed(name, { at: 'record', expected: 'all its parts', actual: `no ${missing.join(', ')}` })]
  } catch (error) {
    return [failed(name, failure('record', error))]
  }
}

/** A record or a file of which nothing can be verified. */
export const failed = (name: string, mismatch: Mismatch): VerifiedTask => ({
  name,
  fewshot: null,
  ok: false,
  mismatches: [mismatch],
})
