import { dirname, join } from 'node:path'
import { loadRunConfig } from '../config/load.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { EXIT, signalOfProcess } from '../terminal/exit.ts'
import { INVOCATION } from '../terminal/invocation.ts'
import { note } from '../terminal/progress.ts'
import { checkOverfitting, runTraining } from './run.ts'
import { writeReport } from './report.ts'
import { summaryOf } from './summary.ts'
import type { TrainFlags } from '../commands/train.ts'

/** Trains as a config says, and prints what came of it. */
export async function runTrain(file: string, flags: TrainFlags): Promise<void> {
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
}

function text(result: Awaited<ReturnType<typeof runTraining>>, report: string): string {
  const { heldOut, bigram, tokens, modelFolder } = summaryOf(result)
  return [
    `held-out loss ${heldOut.toFixed(3)} nats per token after ${tokens} tokens (counting pairs of tokens: ${bigram.toFixed(3)})`,
    `model         ${modelFolder}`,
    `report        ${report}`,
    '',
  ].join('\n')
}
