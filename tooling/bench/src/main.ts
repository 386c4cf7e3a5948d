import { Command, CommanderError } from 'commander'
import { StemkitError } from '@stemkit/spec/errors'
import { formatReport, type Benchmark } from './report.ts'

/** Modules that export `run`; loaded when asked for. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  decode: () => import('./decode/benchmark.ts'),
  'decode-edits': () => import('./decode/edits-benchmark.ts'),
  'decode-tables': () => import('./decode/tables-benchmark.ts'),
  eval: () => import('./eval/benchmark.ts'),
  optimizer: () => import('./optimizer.ts'),
  store: () => import('./store.ts'),
  'store-large': () => import('./store-large.ts'),
  'store-policies': () => import('./store-policies.ts'),
  train: () => import('./train.ts'),
}
const NAMES = Object.keys(BENCHMARKS).join(', ')

interface Options {
  readonly json?: boolean
  readonly quick?: boolean
  readonly only?: readonly string[]
}

const program = new Command('bench')
  .description('Measures one thing against its peers on this machine.')
  .argument('<name>', `one of ${NAMES}`)
  .option('--json', 'one JSON object on stdout instead of a table')
  .option('--quick', 'fewer repetitions: shows that it works, not how fast')
  .option('--only <parts...>', 'decode: only the parts with one of these in their names, as in b1_q4')
  .exitOverride()
  .showHelpAfterError()
  .action(async (name: string, { json, quick, only }: Options) => {
    const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
    if (!load) throw new StemkitError('not-found', `no benchmark '${name}'; there are: ${NAMES}`)
    const { run } = await load()
    const controller = new AbortController()
    process.once('SIGINT', () => controller.abort())
    const report = await run({ progress: showProgress, quick: quick ?? false, only, signal: controller.signal })
    process.stdout.write(`${json ? JSON.stringify(report) : formatReport(report)}\n`)
  })

/** Only where somebody watches. */
function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${line}\n`)
}

/** 2 for a command line that makes no sense, 130 for an interrupted one, else 1; 0 for help. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has said it
  if (error instanceof DOMException && error.name === 'AbortError') return 130
  process.stderr.write(`bench: ${StemkitError.isInstance(error) ? error.message : String((error as Error).stack)}\n`)
  return StemkitError.isInstance(error) && error.code === 'not-found' ? 2 : 1
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}
