import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import pc from 'picocolors'
import { openEngine, type EngineName } from '../engines.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { readReferenceCase } from './reference-case.ts'
import {
  isWithinTolerance,
  TOLERANCES,
  verifyCase,
  type Deviations,
  type Quantity,
  type VerifyOptions,
} from './verify-case.ts'
import { verifyEdits } from './verify-edits.ts'
import type { VerifyFlags } from '../commands/verify.ts'

/** Prints how the reference cases of a folder are met. @throws corrupt where one is not */
export async function runVerify(dir: string, options: VerifyFlags): Promise<void> {
  const results = await verifyFolder(dir, options)
  const failed = results.filter((result) => !result.ok)
  const summary = { ok: failed.length === 0, cases: results }
  process.stdout.write(options.json ? `${JSON.stringify(summary, finite)}\n` : table(results))
  if (failed.length > 0) {
    const reasons = failed.map((result) => `${result.name} (${reasonOf(result)})`)
    throw new StemkitError('corrupt', `verify: ${failed.length} of ${results.length} failed: ${reasons.join(', ')}`)
  }
}

interface CaseResult {
  readonly name: string
  readonly ok: boolean
  readonly engine: EngineName
  readonly deviations?: Partial<Deviations>
  /** Why nothing could be computed. */
  readonly error?: string
}

async function verifyFolder(
  dir: string,
  { engine: engineName, case: only, steps }: VerifyFlags,
): Promise<CaseResult[]> {
  const names = await caseNames(dir, only)
  const signal = signalOfProcess()
  const engine = await openEngine(engineName)
  const status = statusLine()
  const results: CaseResult[] = []
  try {
    for (const name of names) {
      signal.throwIfAborted()
      results.push(await resultOf(join(dir, name), { engine, steps, signal, onProgress: status.show }, engineName))
    }
    return results
  } finally {
    status.clear()
  }
}

async function resultOf(folder: string, options: VerifyOptions, engine: EngineName): Promise<CaseResult> {
  const name = basename(folder)
  try {
    const reference = await readReferenceCase(folder)
    const deviations =
      'editing' in reference ? await verifyEdits(reference, options) : await verifyCase(reference, options)
    const ok = beyond(deviations).length === 0
    return { name, ok, engine, deviations }
  } catch (error) {
    // The other cases can still be computed.
    if (StemkitError.isInstance(error)) return { name, ok: false, engine, error: error.message }
    throw error
  }
}

/** JSON has no infinity, and null would compare as zero. */
const finite = (_: string, value: unknown): unknown => (value === Infinity ? Number.MAX_VALUE : value)

/** The quantities that deviate by more than is accepted. */
const beyond = (deviations: Partial<Deviations>): [Quantity, number][] =>
  (Object.entries(deviations) as [Quantity, number][]).filter(([key, value]) => !isWithinTolerance(key, value))

/** What is wrong with a case, in a few words. */
const reasonOf = ({ error, deviations }: CaseResult): string =>
  deviations
    ? beyond(deviations)
        .map(([key, value]) => `${key} ${value.toExponential(1)}`)
        .join(', ')
    : error!

async function caseNames(dir: string, only?: readonly string[]): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((error: Error) => {
    throw new StemkitError('not-found', `verify: ${dir} cannot be read (${error.message})`)
  })
  const names: string[] = []
  for (const entry of entries) {
    if (!entry.isDirectory()) continue
    if (await stat(join(dir, entry.name, 'config.json')).catch(() => undefined)) names.push(entry.name)
  }
  const unknown = only?.find((name) => !names.includes(name))
  if (unknown) throw new StemkitError('not-found', `verify: ${dir} has no case ${unknown}; it has ${names.join(', ')}`)
  if (names.length === 0) {
    throw new StemkitError('not-found', `verify: ${dir} has no cases; a case is a subfolder with a config.json`)
  }
  return names.filter((name) => !only || only.includes(name)).toSorted()
}

function table(results: readonly CaseResult[]): string {
  const keys = Object.keys(TOLERANCES) as Quantity[]
  const colour = pc.createColors(process.stdout.isTTY)
  const width = Math.max(...results.map(({ name }) => name.length), 'accepted'.length) + 2
  const row = (name: string, cells: readonly string[], end = ''): string =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(11)).join('')}${end}\n`
  const lines = results.map(({ name, ok, deviations, error }) =>
    deviations
      ? row(
          name,
          keys.map((key) => deviations[key]?.toExponential(1) ?? '-'),
          `  ${ok ? colour.green('ok') : colour.red('FAILED')}`,
        )
      : `${name.padEnd(width)}  ${colour.red('FAILED')}: ${error}\n`,
  )
  return [
    row('case', keys),
    ...lines,
    row(
      'accepted',
      keys.map((key) => TOLERANCES[key].toExponential(1)),
    ),
  ].join('')
}
