import type { Engine } from '@stemkit/compile'
import { checkBatch, tokenExperts } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import { readBlock } from '../blocks.ts'
import { tablesOfModel, type Tables } from '../tables.ts'
import type { ReadableModel } from '../up-activations.ts'
import { attributionInputs, inverseName, logitsGraph, type GraphShape } from './log-probability-graph.ts'

export interface LikeliestTokenOptions {
  readonly engine: Engine
  readonly prompt: readonly number[]
  readonly signal?: AbortSignal | undefined
}

/** The model's first choice after a prompt. @throws bad-input for an empty prompt, ids out of range or too many of them */
export async function likeliestToken(
  model: ReadableModel,
  tables: Tables,
  { engine, prompt, signal }: LikeliestTokenOptions,
): Promise<number> {
  const { config, custom } = model
  if (prompt.length === 0) throw new StemkitError('bad-input', 'inspect: the prompt has no tokens')
  checkBatch(config, { size: 1, length: prompt.length, inputIds: prompt })
  const names = tablesOfModel(model).tables.map(({ name }) => name)
  const ids = Int32Array.from(prompt)
  const unique = Uint32Array.from(new Set(prompt)).toSorted()
  const block = await readBlock(tables, unique, signal)
  const feeds: Record<string, Float32Array | Int32Array> = {
    ids,
    positions: ids.map((_, at) => at),
    tokenExperts: tokenExperts(config, ids),
    at: Int32Array.of(ids.length - 1),
  }
  for (const [name, { data }] of model.weights) if (!names.includes(name)) feeds[name] = data
  for (const [t, name] of names.entries()) {
    feeds[name] = block.table(t)
    feeds[inverseName(name)] = ids.map((id) => unique.indexOf(id))
  }
  const shape: GraphShape = { config, custom, tables: names, size: 1, length: ids.length, targets: 1 }
  const { targets: _, ...inputs } = attributionInputs(shape)
  const program = await engine.load(logitsGraph(shape), inputs)
  try {
    const { logits } = await program.run(feeds, signal ? { signal } : {})
    return logits!.indexOf(Math.max(...(logits as Float32Array)))
  } finally {
    await program.dispose()
  }
}
