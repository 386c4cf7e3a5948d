import { join } from 'node:path'
import { Command } from 'commander'
import { pluginOption } from '../plugins/plugin-option.ts'

export interface TrainFlags {
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

const collect = (value: string, previous: readonly string[] = []): string[] => [...previous, value]

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
      const { runTrain } = await import('../training/run-train.ts')
      await runTrain(file, flags)
    })
}
