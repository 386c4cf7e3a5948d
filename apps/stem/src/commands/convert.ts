import type { ExportLayout, ForeignLayout } from '@stemkit/weights/node'
import { Command, Option } from 'commander'

export interface ConvertFlags {
  readonly from: 'auto' | 'stemkit' | ForeignLayout
  readonly to: 'stemkit' | ExportLayout
  readonly tokenizer?: string
  readonly quantize?: keyof typeof forms
  readonly block?: string
  readonly tables?: keyof typeof floats
  readonly calibrate?: string
  readonly force?: boolean
}

export const floats = { f16: 'F16', bf16: 'BF16', f32: 'F32' } as const
export const forms = { q4: 'q4', q8: 'q8', ...floats } as const

export function convertCommand(): Command {
  return new Command('convert')
    .description('turn a model of another layout into a model folder, or a model folder into another layout')
    .argument('<source>', 'model folder, Hugging Face folder, llama2.c .bin file, or state dict of the STEM code')
    .argument('<out>', 'folder to write')
    .addOption(
      new Option('--from <layout>', 'layout of the source')
        .choices(['auto', 'hf', 'llama2c', 'official', 'stemkit'])
        .default('auto'),
    )
    .addOption(new Option('--to <layout>', 'layout to write').choices(['stemkit', 'hf', 'official']).default('stemkit'))
    .option('--tokenizer <file>', 'tokenizer to go along: a tokenizer.json, its folder, or the .bin of llama2.c')
    .addOption(
      new Option(
        '--quantize <form>',
        'keep matrices in 4 or 8 bits with a scale per block, or as floats of another width',
      ).choices(Object.keys(forms)),
    )
    .addOption(
      new Option('--block <numbers>', 'with --quantize q4 or q8: numbers that share a scale; default 128').choices([
        '16',
        '32',
        '64',
        '128',
        '256',
      ]),
    )
    .addOption(
      new Option('--tables <form>', 'with --quantize: how STEM tables are kept; default f16').choices(
        Object.keys(floats),
      ),
    )
    .option(
      '--calibrate <file>',
      'with --quantize q4: a text; the errors are kept small for what the model meets there',
    )
    .option('--force', 'write into a folder that is not empty')
    .action(async (source: string, out: string, options: ConvertFlags) => {
      const { runConvert } = await import('../convert/run-convert.ts')
      await runConvert(source, out, options)
    })
}
