import {
  applyEdit,
  changesText,
  editStack,
  expandText,
  planEdit,
  placeOccurrences,
  planOccurrences,
  rowsInPlace,
  STRATEGIES,
  undoEdit,
  type EditInput,
  type OccurrencePlan,
} from '@stemkit/edit'
import { createModel, type Model } from '@stemkit/generate'
import { StemkitError } from '@stemkit/spec/errors'
import { createRowTable, memoryRows, recordBytes, type RowTable } from '@stemkit/store'
import { largestDifference } from './deviations.ts'
import type { EditingCase } from './reference-case.ts'
import type { Deviations, VerifyOptions } from './verify-case.ts'

/**
 * Makes every edit of a case of knowledge editing from its tokens and strategy, and compares the logits.
 * @throws corrupt where an edit looks up other rows than the case says, or an undone one leaves a trace
 */
export async function verifyEdits(
  reference: EditingCase,
  { engine, signal, onProgress }: VerifyOptions,
): Promise<Pick<Deviations, 'logits'>> {
  const { name, config, weights, expected, editing } = reference
  const longest = Math.max(...editing.edits.map(({ input_ids }) => input_ids.length), editing.swap.input_ids.length)
  const model = await createModel({ config: { ...config, maxLength: longest + 1 }, weights, engine, slots: 1 })
  const table = await tableOf(reference)
  try {
    onProgress?.(`${name}: edits`)
    const deviations = [await compareSwap(reference, model, table)]
    for (const recorded of editing.edits) {
      signal?.throwIfAborted()
      const [group, strategy] = recorded.name.split('.') as [string, string]
      const chosen = STRATEGIES.find((each) => each === strategy)
      const before = expected.get(`logits.${group}.before`)
      const original = editing.edits.find((other) => other.name.split('.')[0] === group)!.input_ids
      if (!chosen) throw new StemkitError('corrupt', `${recorded.name}: no strategy '${strategy}'`)
      const { source_tokens: source, target_tokens: target, source_start: sourceStart } = recorded
      const edit = { name: recorded.name, source, target, strategy: chosen, padId: editing.pad_id }
      const plan = (changesText(chosen) ? expandText : planOccurrences)(edit, original, { table, sourceStart })
      requireLookups(recorded, plan)
      deviations.push(
        largestDifference(await model.logits(original), before?.data ?? []),
        largestDifference(await editedLogits(model, table, plan), expected.get(recorded.expected)?.data ?? []),
      )
    }
    return { logits: Math.max(...deviations) }
  } finally {
    await model.dispose()
    await table.dispose()
  }
}

/** Row edits, applied and undone, and the same swap as an occurrence edit. */
async function compareSwap({ editing, expected }: EditingCase, model: Model, table: RowTable): Promise<number> {
  const { token_a: a, token_b: b, input_ids: ids, equivalent_table_ids: tableIds, expected: names } = editing.swap
  const logits = async (): Promise<Float32Array> =>
    model.logits(ids, { rows: await rowsInPlace({ table }, { stack: editStack({ table }) }) })
  const wanted = (name: string): Float32Array => expected.get(name)?.data ?? new Float32Array(0)
  const swap = { name: 'swap', operation: 'swap', source: [a], target: [b] } as const
  const apply = (edit: EditInput) => applyEdit({ table }, planEdit(edit, { table }))

  const before = await logits()
  await apply(swap)
  const after = await logits()
  await apply({ ...swap, name: 'again' })
  requireBits('a second swap', before, await logits())
  await undoEdit({ table }, 'again')
  await undoEdit({ table }, 'swap')
  await apply({ name: 'overwrite', source: [a], target: [b] })
  const overwritten = await logits()
  await undoEdit({ table }, 'overwrite')
  requireBits('undoing', before, await logits())

  const plan = planOccurrences(swap, ids, { table })
  requireLookups({ name: 'swap', input_ids: ids, table_ids: tableIds }, plan)
  return Math.max(
    largestDifference(before, wanted(names.before)),
    largestDifference(after, wanted(names.after)),
    largestDifference(await editedLogits(model, table, plan), wanted(names.after)),
    largestDifference(overwritten, wanted(names.overwrite_a_with_b)),
  )
}

async function editedLogits(model: Model, table: RowTable, plan: OccurrencePlan): Promise<Float32Array> {
  const { rows, tableIds } = await placeOccurrences({ table }, plan, { stack: [] })
  return model.logits(plan.inputIds, { rows, tableIds })
}

/** The tables of the case as rows with versions, in memory. */
async function tableOf({ config, weights }: EditingCase): Promise<RowTable> {
  const layers = config.feedForwards.flatMap((kind, layer) => (kind === 'stem' ? [layer] : []))
  const tables = layers.map((layer) => weights.get(`model.layers.${layer}.mlp.stem_table.weight`)!)
  const width = config.ffnHidden
  const layout = { layers: layers.length, width, dtype: 'f32', state: 'none' } as const
  return createRowTable({
    driver: memoryRows({ rows: config.vocabSize, rowBytes: recordBytes(layout) }),
    layout,
    rows: config.vocabSize,
    fill(ids, into) {
      const values = new Float32Array(into.buffer, into.byteOffset, into.length / 4)
      ids.forEach((id, i) =>
        tables.forEach(({ data }, layer) =>
          values.set(data.subarray(id * width, (id + 1) * width), (i * layers.length + layer) * width),
        ),
      )
    },
  })
}

interface Lookups {
  readonly name: string
  readonly input_ids: readonly number[]
  readonly table_ids: readonly number[]
  readonly mean_positions?: readonly number[] | undefined
}

function requireLookups(recorded: Lookups, { inputIds, tableIds, made }: OccurrencePlan): void {
  const agree =
    `${recorded.input_ids}` === `${inputIds}` &&
    `${recorded.table_ids}` === `${tableIds}` &&
    `${recorded.mean_positions ?? []}` === `${made.map(({ position }) => position)}`
  if (!agree) throw new StemkitError('corrupt', `${recorded.name}: the edit looks up other rows than were recorded`)
}

function requireBits(what: string, before: Float32Array, after: Float32Array): void {
  if (before.every((value, i) => Object.is(value, after[i]))) return
  throw new StemkitError('corrupt', `swap: ${what} does not give the logits of before, bit for bit`)
}
