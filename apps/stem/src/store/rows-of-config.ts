import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkModelConfig, tableRowInitializer, type ModelConfig, type TableInit } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { encodeRows, payloadBytes } from '@stemkit/store'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import { parseModelConfig, serializeModelConfig } from '@stemkit/weights'
import { parse } from 'yaml'
import { loadRunConfig } from '../config/load.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { modelOf, prepareRun } from '../training/prepare.ts'
import type { Context } from './context.ts'
import type { NewRows } from './new-rows.ts'

export interface ConfigRowsOptions {
  readonly seed?: number
  readonly tableInit?: TableInit
  readonly set?: readonly string[]
  readonly plugin?: readonly string[]
}

/** Rows as a training run of a config would begin them: by the same initialiser, one at a time, the same for the same seed. */
export async function rowsOfConfig(path: string, options: ConfigRowsOptions, context: Context): Promise<NewRows> {
  const read = await readModel(path, options, context)
  const { model, custom, seed = read.seed, tableInit = read.tableInit } = { ...read, ...given(options) }
  const init = tableRowInitializer(model, { seed, tableInit, custom })
  const { rows, layers, width } = init
  const row = new Float32Array(layers * width)
  return {
    name: `new rows, seed ${seed}, ${tableInit}: ${JSON.stringify(serializeModelConfig(model))}`,
    rows,
    layers,
    width,
    encode(layout, ids, into) {
      const stride = payloadBytes(layout)
      ids.forEach((id, i) => {
        init.fill(id, row)
        encodeRows(layout, row, { bytes: into, stride, slots: Uint32Array.of(i) })
      })
    },
    dispose: async () => undefined,
  }
}

const given = ({ seed, tableInit }: ConfigRowsOptions): Pick<ConfigRowsOptions, 'seed' | 'tableInit'> => ({
  ...(seed !== undefined && { seed }),
  ...(tableInit !== undefined && { tableInit }),
})

interface ReadModel {
  readonly model: ModelConfig
  readonly custom: Context['custom']
  readonly seed: number
  readonly tableInit: TableInit
}

/** The model of a config, and how a run of it would begin. */
async function readModel(path: string, options: ConfigRowsOptions, context: Context): Promise<ReadModel> {
  const file = (await stat(path).catch(() => undefined))?.isDirectory() ? join(path, 'config.json') : path
  const value = await readFile(file, 'utf8').then(
    (text) => parse(text) as unknown,
    () => undefined,
  )
  const isModel = typeof value === 'object' && value !== null && ('n_layers' in value || 'num_hidden_layers' in value)
  if (isModel) {
    if (options.set !== undefined)
      throw new StemkitError('bad-input', `--set: ${file} is no config of a run; leave it out`)
    const model = checkModelConfig(parseModelConfig(value))
    return { model, custom: context.custom, seed: 0, tableInit: 'xavier-normal' }
  }
  const { signal, show: onProgress } = context
  const config = await loadRunConfig(file, options.set, options.plugin)
  const { feedForwards: custom } = await openPlugins(config.plugins, { base: dirname(file), signal })
  const { path: tokenizer } = config.tokenizer
  // How many rows there are is how many tokens the run's tokenizer has.
  const model =
    tokenizer === undefined
      ? (await prepareRun(config, { resumeFrom: undefined, custom, signal, onProgress })).model
      : modelOf(config, (await loadTokenizerFolder(tokenizer, { signal })).vocabSize, custom)
  return { model, custom, seed: config.seed, tableInit: config.model.tableInit }
}
