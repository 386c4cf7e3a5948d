import { Command, Option } from 'commander'
import type { EngineName } from '../engines.ts'
import { wholeNumber } from './number-option.ts'

export interface VerifyFlags {
  readonly engine: EngineName
  readonly case?: readonly string[]
  readonly steps?: number
  readonly json?: boolean
}

/** All that there are. */
const ENGINES: Readonly<Record<EngineName, true>> = { compiled: true, 'eager-cpu': true, 'eager-webgpu': true }

export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare every number of the reference cases in a folder with what this machine computes')
    .argument('<dir>', 'folder of cases: subfolders with a config.json, laid out as fixtures/oracle')
    .addOption(
      new Option('--engine <name>', 'what computes: ONNX Runtime, or tfjs on the CPU or on WebGPU')
        .choices(Object.keys(ENGINES))
        .default('compiled'),
    )
    .option('--case <name...>', 'only these cases')
    .option('--steps <n>', 'only so many steps of each training curve, and no check of its end', wholeNumber(0))
    .option('--json', 'print the results as one JSON object')
    .action(async (dir: string, options: VerifyFlags) => {
      const { runVerify } = await import('../verify/run-verify.ts')
      await runVerify(dir, options)
    })
}
