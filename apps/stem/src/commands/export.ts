import { exportOnnxModel } from '@stemkit/generate'
import { readModel } from '@stemkit/generate/node'
import { writeFileAtomically } from '@stemkit/weights/node'
import { Command } from 'commander'
import { openPlugins } from '../plugins/open-plugins.ts'
import { pluginOption } from '../plugins/plugin-option.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { number } from './number-option.ts'

interface Options {
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
    .action(async (folder: string, file: string, { length, externalRows, plugin }: Options) => {
      const signal = signalOfProcess()
      const { feedForwards: custom } = await openPlugins(plugin, { signal })
      const status = statusLine()
      try {
        const { config, weights } = await readModel(folder, {
          signal,
          onProgress: ({ bytes, totalBytes }) => status.show(`reading ${Math.round((100 * bytes) / totalBytes)}%`),
        })
        status.show('recording the graph')
        const bytes = exportOnnxModel({
          config,
          weights,
          custom,
          length,
          tables: externalRows ? 'inputs' : 'inside',
        })
        status.show(`writing ${megabytes(bytes)}`)
        await writeFileAtomically(file, [bytes], { signal })
        status.clear()
        process.stdout.write(
          `${file}: ${megabytes(bytes)}, input_ids int32 [B, ${length ?? 'T'}] -> logits float32 [B, ${length ?? 'T'}, ${config.vocabSize}]\n`,
        )
      } finally {
        status.clear()
      }
    })
}

const megabytes = ({ byteLength }: Uint8Array): string => `${(byteLength / 2 ** 20).toFixed(1)} MiB`
