import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { readMetrics } from '@stemkit/train/node'
import { expect } from 'vitest'
import { trainCommand } from '../commands/train.ts'
import { runCommand, type Outcome } from './run-command.ts'
import { startStem, type StemProcess } from './stem-process.ts'
import { writeTinyRun } from './tiny-run.ts'

/** Enough that something can happen in the middle. */
const STEPS = 60

/** Runs of one small model in a folder, to which things happen. */
export interface FaultRuns {
  at(name: string): string
  /** Trains in this process. */
  train(run: string, ...args: string[]): Promise<Outcome>
  /** Trains in a process of its own, which can be stopped and killed. */
  start(run: string, ...args: string[]): StemProcess
  /** Resolves once a run has taken so many steps. */
  taken(run: string, steps: number): Promise<void>
  hasCheckpoint(run: string): boolean
  /** Everything that the steps of a run computed. */
  curveOf(run: string): Promise<unknown[]>
}

export async function makeFaultRuns(dir: string): Promise<FaultRuns> {
  await writeTinyRun(dir)
  const at = (name: string): string => join(dir, name)
  const argsOf = (run: string, args: readonly string[]): string[] => {
    const values = { 'data.train': at('text.txt'), 'training.steps': STEPS, threads: 1 }
    const sets = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`])
    return [at('run.yaml'), '--run', at(run), '--json', ...sets, ...args]
  }
  const metricsOf = (run: string) => readMetrics(join(at(run), 'metrics.jsonl'))
  return {
    at,
    train: (run, ...args) => runCommand(trainCommand(), argsOf(run, args)),
    start: (run, ...args) => startStem(['train', ...argsOf(run, args)], dir),
    async taken(run, steps) {
      while ((await metricsOf(run).catch(() => [])).length < steps) await setTimeout(2)
    },
    hasCheckpoint(run) {
      try {
        return readdirSync(join(at(run), 'checkpoints')).length > 0
      } catch {
        return false
      }
    },
    async curveOf(run) {
      return (await metricsOf(run)).map(({ index, loss, gradNorm, evaluation }) => [
        index,
        loss,
        gradNorm,
        evaluation?.loss,
      ])
    },
  }
}

/** Settings for tables in a store: a budget for 250 of 300 rows of 448 bytes, so that rows leave memory and come back. */
export const stored = (url: string): string[] =>
  Object.entries({ url, budget: 120_000, lookahead: 2 }).flatMap(([key, value]) => ['--set', `store.${key}=${value}`])

/** One line for people, and nothing else. */
export const failedWith = (words: RegExp): { code: number; stdout: string; stderr: unknown } => ({
  code: 1,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(`^error: (?=[^\n]*${words.source})[^\n]+\n$`)) as unknown,
})
