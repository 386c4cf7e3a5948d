import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'

/** What a value should be, such as '>= 1.2'; null where a number is only informative. */
export type Target = `${'>=' | '<='} ${number}` | null

export interface Result {
  readonly metric: string
  /** null if it could not be measured here; the benchmark's notes say why. */
  readonly value: number | null
  /** 'ratio', 'ms', 'bytes', 's', 'GFLOP/s', ... */
  readonly unit: string
  readonly target: Target
}

/** What a benchmark found, and on what. */
export interface Report {
  readonly benchmark: string
  readonly machine: Machine
  readonly results: readonly Result[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly os: string
  readonly node: string
  /** What it was measured against, by name: versions and settings. */
  readonly peers?: Readonly<Record<string, unknown>>
}

export interface BenchmarkOptions {
  /** One line about what happens now, or about what could not be measured. */
  readonly progress: (line: string) => void
  /** Fewer repetitions: shows that it works, not how fast. */
  readonly quick?: boolean
  /** Only those parts whose names contain one of these, where a benchmark has parts. */
  readonly only?: readonly string[] | undefined
  readonly signal?: AbortSignal
}

/** A benchmark is a module that exports `run`. */
export interface Benchmark {
  run(options: BenchmarkOptions): Promise<Report>
}

/** The machine that this process runs on. */
export function describeMachine(peers?: Readonly<Record<string, unknown>>): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    os: `${platform()} ${arch()}`,
    node: process.version,
    ...(peers ? { peers } : {}),
  }
}

/** undefined where there is no target or no value. */
export function meetsTarget({ value, target }: Result): boolean | undefined {
  if (target === null || value === null) return undefined
  const [relation, limit] = target.split(' ') as ['>=' | '<=', string]
  return relation === '>=' ? value >= Number(limit) : value <= Number(limit)
}

/** The results as a table for a terminal. */
export function formatReport({ benchmark, machine, results }: Report): string {
  const rows = results.map((result) => {
    const met = meetsTarget(result)
    return [
      result.metric,
      result.value === null ? '-' : formatValue(result.value),
      result.unit,
      result.target ?? '',
      met === undefined ? '' : met ? 'met' : 'missed',
    ]
  })
  const table = [['metric', 'value', 'unit', 'target', ''], ...rows]
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column === 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  )
  return [`${benchmark}: ${machine.cpu}, ${machine.cores} cores, node ${machine.node}`, ...lines].join('\n')
}

/** Four significant digits, whole numbers in full. */
function formatValue(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString('en')
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(4)))
}
