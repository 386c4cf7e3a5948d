import { NUMBER_DTYPES, type ModelConfig } from '@stemkit/model'
import { coloursFor } from '../terminal/colours.ts'
import { inBytes, inPercent, inThousands } from '../terminal/quantities.ts'
import { alignColumns, type TableText } from '../terminal/table.ts'
import type { Plan, RowsPlan } from './make-plan.ts'
import type { MeasuredCache } from './measure-plan.ts'

/** The plan as tables for a person. */
export function printPlan(plan: Plan, measured: readonly MeasuredCache[] = []): string {
  const { bold } = coloursFor(process.stdout)
  const table = (text: TableText): string => alignColumns(text, bold).join('\n')
  const { model, batch, length, parameters, bytes, training, flopsPerToken, rows, costs, decodingLoads } = plan
  const parts = [
    table({
      head: ['model', '', describe(model)],
      rows: [],
    }),
    table({
      head: ['parameters', 'in all', 'backbone', 'tables', 'used per token'],
      rows: [['', ...[parameters.total, parameters.dense, parameters.table, parameters.active].map(inThousands)]],
    }),
    table({
      head: ['bytes', ...NUMBER_DTYPES],
      rows: (
        [
          ['backbone', 'backbone'],
          ['tables', 'tables'],
          ['rows of a token', 'tokenRows'],
          ['KV cache per token', 'kvPerToken'],
        ] as const
      ).map(([name, key]) => [name, ...NUMBER_DTYPES.map((dtype) => inBytes(bytes[dtype][key]))]),
    }),
    table({
      head: ['training, float32', 'backbone', 'tables'],
      rows: (['weights', 'gradients', 'optimizer'] as const).map((key) => [
        { weights: 'weights', gradients: 'gradients', optimizer: 'optimiser state' }[key],
        inBytes(training[key].backbone),
        inBytes(training[key].tables),
      ]),
    }),
    table({
      head: [`FLOPs per token, T ${length}`, 'prefill', 'decode', 'training'],
      rows: [['', ...[flopsPerToken.prefill, flopsPerToken.decode, flopsPerToken.training].map(inThousands)]],
    }),
    ...(rows ? rowTables(rows, batch, length).map(table) : []),
    ...(measured.length > 0 ? [table(measuredTable(measured))] : []),
    ...(costs ? [table(costTable(costs, batch * length))] : []),
    ...(costs && decodingLoads ? [table(loadTable(decodingLoads, costs.layers.length))] : []),
  ]
  return `${parts.join('\n\n')}\n`
}

function describe({ layers, dim, ffnHidden, vocabSize, feedForwards }: ModelConfig): string {
  const kinds = [...new Set(feedForwards)].map((kind) => `${feedForwards.filter((own) => own === kind).length} ${kind}`)
  return `${layers} layers (${kinds.join(', ')}), d ${dim}, d_ff ${ffnHidden}, vocabulary ${vocabSize}`
}

function rowTables(rows: RowsPlan, batch: number, length: number): TableText[] {
  const { text, training, decoding, cache, trainedRowBytes } = rows
  return [
    { head: ['text', '', `${text.name}: ${inThousands(text.tokens)} tokens, ${text.distinct} different`], rows: [] },
    {
      head: [`training, B x ${length} tokens`, 'tokens', 'rows', 'gathered', 'read and written', 'per token'],
      rows: training.map((step) => [
        `B ${step.batch}`,
        String(step.tokens),
        Math.round(step.rows).toString(),
        inBytes(step.gathered),
        inBytes(step.moved),
        inBytes(step.movedPerToken),
      ]),
    },
    {
      head: ['decoding, a token for B', 'rows', ...NUMBER_DTYPES],
      rows: decoding.map((step) => [
        `B ${step.batch}`,
        step.rows.toFixed(step.rows < 10 ? 2 : 0),
        ...NUMBER_DTYPES.map((dtype) => inBytes(step.bytes[dtype])),
      ]),
    },
    {
      head: [
        `cache, B ${batch}, rows of ${inBytes(trainedRowBytes)}`,
        'rows',
        'of the table',
        'hits, LRU',
        'hits, W-TinyLFU',
        'read per step',
      ],
      rows: cache.map(({ budget, slots, share, hitRate, missedBytes }) => [
        inBytes(budget),
        String(slots),
        inPercent(share),
        ...(hitRate && missedBytes !== undefined
          ? [inPercent(hitRate.lru), inPercent(hitRate.wTinyLfu), inBytes(missedBytes)]
          : ['too small', 'for a step']),
      ]),
    },
  ]
}

function costTable({ layers, experts, kinds, saved }: NonNullable<Plan['costs']>, tokens: number): TableText {
  const row = (name: string, of: (kind: (typeof kinds)[number]) => number): string[] => [
    name,
    ...kinds.map((kind) => inThousands(of(kind))),
  ]
  return {
    head: [`costs of ${layers.length} layers`, 'dense', `MoE, hash top-1 of ${experts}`, 'STEM', 'STEM saves'],
    rows: [
      row('parameters per layer', ({ layer }) => layer.parameters),
      [...row('FLOPs per token and layer, forward', ({ layer }) => layer.flops), ''],
      [...row('  training', ({ layer }) => 3 * layer.flops), ''],
      [
        ...row('FLOPs per token, all layers, forward', ({ layer }) => layers.length * layer.flops),
        inThousands(2 * saved.multiplyAdds),
      ],
      [
        ...row('loaded to decode a token, all layers', ({ layer }) => layers.length * layer.loaded),
        inThousands(saved.loaded),
      ],
      [
        `multiply-adds saved by a pass over ${inThousands(tokens)} tokens`,
        '',
        '',
        '',
        inThousands(tokens * saved.multiplyAdds),
      ],
      row('sent between devices per token and layer', ({ layer }) => layer.communicated),
      row('model: parameters', ({ parameters }) => parameters.total),
      row('model: used per token', ({ parameters }) => parameters.active),
      row('model: FLOPs per token, training', ({ flops }) => flops.training),
    ],
  }
}

const loadTable = (loads: NonNullable<Plan['decodingLoads']>, layers: number): TableText => ({
  head: [`parameters loaded to decode, ${layers} layers`, 'dense', 'MoE', 'experts', 'STEM'],
  rows: loads.map(({ batch, dense, hash_moe: moe, experts, stem }) => [
    `B ${batch}`,
    inThousands(dense),
    inThousands(Math.round(moe)),
    experts.toFixed(1),
    inThousands(Math.round(stem)),
  ]),
})

/** Predicted -> measured, and the error. */
const measuredTable = (measured: readonly MeasuredCache[]): TableText => ({
  head: ['measured', 'steps', 'rows of a step', 'error', 'hits', 'error', 'read per step', 'error'],
  rows: measured.map(({ budget, steps, predicted, measured: found, error }) => [
    inBytes(budget),
    String(steps),
    `${predicted.rows.toFixed(0)} -> ${found.rows.toFixed(0)}`,
    signedPercent(error.rows),
    `${inPercent(predicted.hitRate)} -> ${inPercent(found.hitRate)}`,
    `${signedPercent(error.hitRate).slice(0, -1)} pp`,
    `${inBytes(predicted.bytesRead)} -> ${inBytes(found.bytesRead)}`,
    signedPercent(error.bytesRead),
  ]),
})

const signedPercent = (share: number): string => `${share < 0 ? '-' : '+'}${inPercent(Math.abs(share))}`
