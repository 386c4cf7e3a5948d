import { Command } from 'commander'
import { pluginOption } from '../plugins/plugin-option.ts'
import { number } from './number-option.ts'

export interface ExportFlags {
  readonly length?: number
  readonly externalRows?: boolean
  readonly plugin?: readonly string[]
}

export function exportCommand(): Command {
  return new Command('export')
    .description('write the forward pass of a model as an .onnx file that any ONNX Runtime runs')
    .argument('<model>', 'model folder')
    .argument('<file>', '.onnx file to write')
    .option('--length <tokens>', 'a fixed number of tokens (default: any, up to the length of the model)', number)
    .option('--external-rows', 'leave the STEM tables out of the file; their rows become inputs')
    .addOption(pluginOption())
    .action(async (folder: string, file: string, flags: ExportFlags) => {
      const { runExport } = await import('../export/run-export.ts')
      await runExport(folder, file, flags)
    })
}
