import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { Command, Option } from 'commander'
import pc from 'picocolors'
import { ENGINES, openEngine, type EngineName } from '../engines.ts'
import { EXIT, signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { readReferenceCase } from '../verify/reference-case.ts'
import { TOLERANCES, verifyCase, withinTolerance, type Deviations } from '../verify/verify-case.ts'

interface CaseResult {
  readonly name: string
  readonly ok: boolean
  readonly engine: EngineName
  readonly deviations?: Deviations
  /** Why nothing was computed. */
  readonly skipped?: string
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('compute the reference cases of a folder and print the largest deviations')
    .argument('<dir>', 'folder of cases: subfolders with a config.json, laid out as fixtures/oracle')
    .addOption(new Option('--engine <name>', 'what computes').choices(ENGINES).default('compiled'))
    .option('--case <name...>', 'only these cases')
    .option('--json', 'print one JSON object')
    .action(async (dir: string, options: { engine: EngineName; case?: string[]; json?: boolean }) => {
      const results = await verifyFolder(dir, options.engine, options.case)
      const ok = results.every((result) => result.ok)
      process.stdout.write(options.json ? `${JSON.stringify({ ok, cases: results })}\n` : table(results))
      if (!ok) process.exitCode = EXIT.failed
    })
}

async function verifyFolder(dir: string, engineName: EngineName, only?: readonly string[]): Promise<CaseResult[]> {
  const names = await caseNames(dir, only)
  const signal = signalOfProcess()
  const engine = await openEngine(engineName)
  const status = statusLine()
  const results: CaseResult[] = []
  try {
    for (const name of names) {
      signal.throwIfAborted()
      const reference = await readReferenceCase(join(dir, name))
      if (!reference) {
        results.push({ name, ok: true, engine: engineName, skipped: 'knowledge editing is not part of this release' })
        continue
      }
      const deviations = await verifyCase(reference, { engine, signal, onProgress: status.show })
      results.push({ name, ok: withinTolerance(deviations), engine: engineName, deviations })
    }
    return results
  } finally {
    status.clear()
  }
}

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
  const keys = Object.keys(TOLERANCES) as (keyof Deviations)[]
  const colour = pc.createColors(process.stdout.isTTY)
  const width = Math.max(...results.map(({ name }) => name.length), 'accepted'.length) + 2
  const row = (name: string, cells: readonly string[], end = ''): string =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(11)).join('')}${end}\n`
  const lines = results.map(({ name, ok, deviations, skipped }) =>
    deviations
      ? row(
          name,
          keys.map((key) => deviations[key].toExponential(1)),
          `  ${ok ? colour.green('ok') : colour.red('FAILED')}`,
        )
      : `${name.padEnd(width)}  skipped: ${skipped}\n`,
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
