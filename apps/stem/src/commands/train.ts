import { join } from 'node:path'
import { Command } from 'commander'
import { loadRunConfig } from '../config/load.ts'
import { EXIT, signalOfProcess } from '../terminal/exit.ts'
import { note } from '../terminal/progress.ts'
import { checkOverfitting, runTraining } from '../training/run.ts'
import { writeReport } from '../training/report.ts'
import { summaryOf } from '../training/summary.ts'

interface TrainFlags {
  readonly run: string
  readonly set: readonly string[]
  readonly resume?: boolean
  readonly overfitOneBatch?: boolean
  readonly json?: boolean
}

export function trainCommand(): Command {
  return new Command('train')
    .description('train a model as a YAML or JSON file says')
    .argument('<config>', 'the run: data, model, training; see docs/config.md')
    .option('--run <folder>', 'where checkpoints, metrics, model and report go', join('runs', 'train'))
    .option('--set <key=value>', 'lay a value over the file, as in training.steps=500; may be repeated', collect, [])
    .option('--resume', 'go on from the newest checkpoint of the run folder')
    .option('--overfit-one-batch', 'only check that the set-up can learn one batch by heart')
    .option('--json', 'print one JSON object')
    .action(async (file: string, flags: TrainFlags) => {
      const config = await loadRunConfig(file, flags.set)
      const options = {
        label: 'training',
        runFolder: flags.run,
        resume: flags.resume ?? false,
        signal: signalOfProcess(),
      }
      if (flags.overfitOneBatch) {
        const result = await checkOverfitting(config, options)
        process.stdout.write(
          flags.json
            ? `${JSON.stringify(result)}\n`
            : `${result.passed ? 'learnt' : 'NOT learnt'}: loss ${result.first.toFixed(3)} -> ${result.last.toFixed(3)} in ${result.steps} steps on one batch\n`,
        )
        if (!result.passed) process.exitCode = EXIT.failed
        return
      }
      const result = await runTraining(config, options)
      const report = await writeReport(join(flags.run, 'report.html'), 'Training run', [result], options.signal)
      process.stdout.write(flags.json ? `${JSON.stringify({ ...summaryOf(result), report })}\n` : text(result, report))
      note(`next: stem generate ${result.modelFolder} --prompt "..."`)
    })
}

const collect = (value: string, previous: readonly string[]): string[] => [...previous, value]

function text(result: Awaited<ReturnType<typeof runTraining>>, report: string): string {
  const { heldOut, bigram, tokens, modelFolder } = summaryOf(result)
  return [
    `held-out loss ${heldOut.toFixed(3)} nats per token after ${tokens} tokens (counting pairs of tokens: ${bigram.toFixed(3)})`,
    `model         ${modelFolder}`,
    `report        ${report}`,
    '',
  ].join('\n')
}
