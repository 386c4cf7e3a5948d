import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { train } from '../loop.ts'
import type { TrainStep } from '../metrics.ts'
import { killedRun } from '../testing/killed-run.ts'
import { copyState } from '../testing/memory-checkpoints.ts'
import { latestCheckpoint, loadCheckpoint } from './load-checkpoint.ts'
import { readMetrics } from './metrics-file.ts'

const STEPS = 50
const KILLS = 10
const source = fileURLToPath(new URL('../testing/train-child.ts', import.meta.url))

let dir: string
let child: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stemkit-kill-'))
  child = join(dir, 'child.mjs')
  // One file, because a process that loads dozens spends most of its short life on that.
  await build({ entryPoints: [source], outfile: child, bundle: true, platform: 'node', format: 'esm' })
})
afterAll(() => rm(dir, { recursive: true }))

const numbers = ({ index, loss, gradNorm, totalTokens }: TrainStep) => ({ index, loss, gradNorm, totalTokens })

/** Runs the child; kills it `delay` ms after it has printed `lines` lines. Resolves to the signal that ended it. */
async function runChild(lines = Number.POSITIVE_INFINITY, delay = 0): Promise<NodeJS.Signals | null> {
  const running = spawn(process.execPath, [child, dir, String(STEPS)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => running.on('close', (_, signal) => resolve(signal)))
  let seen = 0
  for await (const _ of createInterface(running.stdout)) {
    if (++seen !== lines) continue
    await setTimeout(delay)
    running.kill('SIGKILL')
  }
  return ended
}

test('killed at random moments, the newest checkpoint is readable and the run ends as one left alone', async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    expect(await runChild(1 + Math.floor(Math.random() * 4), Math.random() * 12)).toBe('SIGKILL')
    const latest = await latestCheckpoint(join(dir, 'checkpoints'))
    if (latest !== undefined) expect((await loadCheckpoint(latest)).trainer.steps % 2).toBe(0)
  }
  expect(await runChild()).toBe(null)

  const alone = killedRun(STEPS)
  const curve: TrainStep[] = []
  for await (const step of train(alone)) curve.push(step)

  const names = await readdir(join(dir, 'checkpoints'))
  expect(names.toSorted()).toEqual(['step-00000048', 'step-00000050'])
  const { trainer, loader, tokens } = await loadCheckpoint(join(dir, 'checkpoints', 'step-00000050'))
  expect(trainer).toEqual(copyState(alone.trainer.state()))
  expect(loader).toEqual(alone.loader.state())
  expect(tokens).toBe(curve.at(-1)!.totalTokens)

  expect((await readMetrics(join(dir, 'metrics.jsonl'))).map(numbers)).toEqual(curve.map(numbers))
})
