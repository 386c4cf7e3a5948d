import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { loadRunConfig } from '../config/load.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { EXIT, signalOfProcess } from '../terminal/exit.ts'
import { INVOCATION } from '../terminal/invocation.ts'
import { note } from '../terminal/progress.ts'
import { checkOverfitting, runTraining } from '../training/run.ts'
import { writeReport } from '../training/report.ts'
import { summaryOf } from '../training/summary.ts'

interface TrainFlags {
  readonly run: string
  readonly set?: readonly string[]
  readonly plugin?: readonly string[]
  readonly resume?: boolean
  readonly overfitOneBatch?: boolean
  readonly json?: boolean
}

const EXAMPLE = `
A config that trains a small STEM model on texts of yours:

  model: { preset: small, kind: stem }    # kind: dense, stem, hash_moe or a plugin's
  tokenizer: { vocabSize: 4096 }          # learnt from the text; or path: a tokenizer.json
  data: { train: texts/*.txt, heldOut: 0.05, length: 128 }
  training: { steps: 1000, batchSize: 8, learningRate: 3e-3 }

Ctrl-C saves and stops; --resume goes on from there, to the same weights as if never stopped.`

export function trainCommand(): Command {
  return new Command('train')
    .description('train a model as a YAML or JSON file says')
    .argument('<config>', 'YAML or JSON file that says what to train on what; an example is below')
    .option('--run <folder>', 'where checkpoints, metrics, model and report go', join('runs', 'train'))
    .option('--set <key=value>', 'lay a value over the file, as in training.steps=500; may be repeated', collect)
    .addOption(pluginOption())
    .option('--resume', 'go on from the newest checkpoint of the run folder')
    .option('--overfit-one-batch', 'only check that the model can learn one batch by heart; writes nothing')
    .option('--json', 'print the results as one JSON object')
    .addHelpText('after', EXAMPLE)
    .action(async (file: string, flags: TrainFlags) => {
      const config = await loadRunConfig(file, flags.set, flags.plugin)
      const signal = signalOfProcess()
      const { feedForwards: custom, drivers } = await openPlugins(config.plugins, { base: dirname(file), signal })
      if (flags.overfitOneBatch) {
        const result = await checkOverfitting(config, { signal, custom })
        process.stdout.write(
          flags.json
            ? `${JSON.stringify(result)}\n`
            : `${result.passed ? 'learnt' : 'NOT learnt'}: loss ${result.first.toFixed(3)} -> ${result.last.toFixed(3)} in ${result.steps} steps on one batch\n`,
        )
        if (!result.passed) process.exitCode = EXIT.failed
        return
      }
      const { run: runFolder, resume = false } = flags
      const { open: openRows } = drivers
      const result = await runTraining(config, { label: 'training', runFolder, resume, signal, custom, openRows })
      const report = await writeReport(join(runFolder, 'report.html'), 'Training run', [result], signal)
      process.stdout.write(flags.json ? `${JSON.stringify({ ...summaryOf(result), report })}\n` : text(result, report))
      note(`next: ${INVOCATION} generate ${result.modelFolder} --prompt "..."`)
    })
}

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value]

function text(result: Awaited<ReturnType<typeof runTraining>>, report: string): string {
  const { heldOut, bigram, tokens, modelFolder } = summaryOf(result)
  return [
    `held-out loss ${heldOut.toFixed(3)} nats per token after ${tokens} tokens (counting pairs of tokens: ${bigram.toFixed(3)})`,
    `model         ${modelFolder}`,
    `report        ${report}`,
    '',
  ].join('\n')
}
