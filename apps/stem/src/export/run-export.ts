import { exportOnnxModel } from '@stemkit/generate'
import { readModel } from '@stemkit/generate/node'
import { writeFileAtomically } from '@stemkit/weights/node'
import { openPlugins } from '../plugins/open-plugins.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import type { ExportFlags } from '../commands/export.ts'

/** Writes the forward pass of a model as a graph. */
export async function runExport(
  folder: string,
  file: string,
  { length, externalRows, plugin }: ExportFlags,
): Promise<void> {
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
}

const megabytes = ({ byteLength }: Uint8Array): string => `${(byteLength / 2 ** 20).toFixed(1)} MiB`
