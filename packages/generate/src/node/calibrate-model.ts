import { availableParallelism } from 'node:os'
import { nodeRuntime } from '@stemkit/compile/node'
import type { CustomFeedForwards } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { collectGrams, type CollectGramsOptions } from '../collect-grams.ts'
import { openTableRows } from '../table-rows.ts'
import { readModel } from './load-model.ts'
import { openTablesOf, type OpenModelRowsOptions } from './model-rows.ts'

export interface CalibrateModelOptions
  extends OpenModelRowsOptions, Pick<CollectGramsOptions, 'onProgress' | 'signal'> {
  /** Text of the kind that the model is for. */
  readonly text: string
  /** How many of its tokens are read, at most. Default 32768. */
  readonly tokens?: number | undefined
  readonly custom?: CustomFeedForwards | undefined
}

/** Longer sequences cost more and tell no more. */
const SEQUENCE = 512

/**
 * Runs the model of a folder over a text to see what inputs its matrices meet; see `collectGrams` and `packModel`.
 * @throws bad-input without a tokenizer or text; as `readModel`; the reason of `signal`
 */
export async function calibrateModel(
  folder: string,
  options: CalibrateModelOptions,
): Promise<Map<string, Float32Array>> {
  const { text, tokens = 32_768, custom, signal, onProgress } = options
  const tables = await openTablesOf(folder, options)
  try {
    const { config, weights, tokenizer } = await readModel(folder, { signal, optionalTables: tables !== undefined })
    if (!tokenizer)
      throw new StemkitError('bad-input', `calibrate: ${folder} has no tokenizer.json to read the text with`)
    const ids = tokenizer.encode(text).slice(0, tokens)
    const length = Math.min(config.maxLength, SEQUENCE)
    const sequences = Array.from({ length: Math.ceil(ids.length / length) }, (_, i) =>
      Array.from(ids.slice(i * length, (i + 1) * length)),
    )
    const rows = openTableRows({ config, weights, custom, rows: tables?.rows })
    const session = { threads: availableParallelism() }
    return await collectGrams({
      config,
      weights,
      custom,
      rows,
      sequences,
      session,
      signal,
      onProgress,
      runtime: nodeRuntime(),
    })
  } finally {
    await tables?.rows.dispose()
  }
}
