import { differences, type Mismatch } from './compare.ts'
import { failure } from './failure.ts'
import { caseChecks, wholeChecks } from './unit-checks.ts'
import type { VerifiedTask } from './verify-record.ts'

/** Single functions with inputs and outputs. */
export interface UnitsRecord {
  readonly units: Readonly<Record<string, unknown>>
}

export const isUnitsRecord = (value: unknown): value is UnitsRecord =>
  typeof value === 'object' && value !== null && 'units' in value

/** Computes every output of the units anew and compares. A unit that is not known is a mismatch. */
export async function verifyUnits({ units }: UnitsRecord): Promise<VerifiedTask[]> {
  const verified = Object.entries(units).map(async ([name, unit]) => {
    const mismatches = await checked(name, unit)
    return { name: `units.${name}`, fewshot: null, ok: mismatches.length === 0, mismatches }
  })
  return Promise.all(verified)
}

async function checked(name: string, unit: unknown): Promise<Mismatch[]> {
  try {
    const check = caseChecks[name]
    const whole = wholeChecks[name]
    if (whole) return await differences('', unit, await whole(unit))
    if (!check) return [{ at: name, expected: 'a unit that is known', actual: 'nothing that computes it' }]
    const cases = unit as readonly object[]
    const rebuilt = await Promise.all(cases.map(async (one) => ({ ...one, ...((await check(one)) as object) })))
    return await differences('', unit, rebuilt)
  } catch (error) {
    return [failure(name, error)]
  }
}
