// Trains in a process of its own, going on where the newest checkpoint is: `node train-child.ts DIR STEPS`.
// Prints a line a step, so that a test knows when to kill it.
import { join } from 'node:path'
import { train } from '../loop.ts'
import { checkpointFolder } from '../node/checkpoint-folder.ts'
import { latestCheckpoint, loadCheckpoint } from '../node/load-checkpoint.ts'
import { openMetrics } from '../node/metrics-file.ts'
import { killedRun } from './killed-run.ts'

const [dir = '.', steps = '1'] = process.argv.slice(2)
const checkpoints = join(dir, 'checkpoints')
const { trainer, ...options } = killedRun(Number(steps))

const latest = await latestCheckpoint(checkpoints)
const resume = latest === undefined ? undefined : await loadCheckpoint(latest, { trainer })
const run = train({
  ...options,
  trainer,
  checkpoint: { every: 2, writer: checkpointFolder({ dir: checkpoints, keep: 2 }) },
  resume,
})
await using metrics = await openMetrics(join(dir, 'metrics.jsonl'), { from: resume?.trainer.steps ?? 0 })
for await (const step of run) {
  await metrics.write(step)
  console.log(step.index)
}
