import { floatsOf } from '../../floats-of.ts'
import { cacheWidth } from '../step-graph.ts'
import type { Layout } from './layout.ts'
import type { PlacedMatrix } from './place-matrix.ts'
import type { OpenStepThreadsOptions } from './step-threads.ts'
import { bytesOf, writeStruct } from './structs.ts'

/** Everything that stays as it is: matrices, norms, scales, the tables of the rotary embedding, and the structs that point to them. */
export function writeModel(
  memory: WebAssembly.Memory,
  layout: Layout,
  { config, weights, capacity, scales }: OpenStepThreadsOptions,
) {
  const { dim, headDim, kvHeads, ropeTheta } = config
  const width = cacheWidth(headDim)
  const put = (address: number, values: Float32Array): void =>
    new Float32Array(memory.buffer, address, values.length).set(values)
  const putMatrix = ({ at, placed }: { readonly at: number; readonly placed: PlacedMatrix }): number => {
    placed.write(memory)
    writeStruct(memory, 'Matrix', at, placed.struct)
    return at
  }
  const putGain = (address: number, name: string): number => {
    put(address, floatsOf(weights[name]!).subarray(0, dim))
    return address
  }
  layout.layers.forEach((layer, i) => {
    const { query, key, value, output, gate, up, down } = layer
    writeStruct(memory, 'Layer', layout.layerStructs + i * bytesOf('Layer'), {
      attentionNorm: putGain(layer.attentionNorm, `model.layers.${i}.input_layernorm.weight`),
      query: putMatrix(query),
      key: putMatrix(key),
      value: putMatrix(value),
      output: putMatrix(output),
      feedForwardNorm: putGain(layer.feedForwardNorm, `model.layers.${i}.post_attention_layernorm.weight`),
      gate: putMatrix(gate),
      up: up ? putMatrix(up) : 0,
      down: putMatrix(down),
      keys: layer.keys,
      values: layer.values,
      keyScales: layer.keyScales,
      valueScales: layer.valueScales,
      rows: layer.rows,
    })
    for (let head = 0; head < kvHeads; head++) {
      const own = (all: Float32Array): Float32Array => all.subarray(head * headDim, (head + 1) * headDim)
      if (scales) put(layer.keyScales + 4 * head * width, own(scales[i]!.keys))
      if (scales) put(layer.valueScales + 4 * head * width, own(scales[i]!.values))
    }
  })
  putGain(layout.norm, 'model.norm.weight')
  putMatrix(layout.head)
  layout.scratch.forEach((scratch, i) => {
    writeStruct(memory, 'Scratch', layout.scratchStructs + i * bytesOf('Scratch'), scratch)
  })
  const angles = Float64Array.from(
    { length: capacity * headDim },
    (_, i) => Math.floor(i / headDim) * ropeTheta ** (-((i % headDim) & ~1) / headDim),
  )
  put(layout.cosines, Float32Array.from(angles, Math.cos))
  put(
    layout.sines,
    Float32Array.from(angles, (angle, i) => (i % 2 === 0 ? -Math.sin(angle) : Math.sin(angle))),
  )
}

export interface StepSize {
  readonly threads: number
  readonly tokens: number
  readonly sequences: number
}

/** What a step is about to compute. */
export function writeProgram(
  memory: WebAssembly.Memory,
  layout: Layout,
  { config, capacity, scales }: OpenStepThreadsOptions,
  { threads, tokens, sequences }: StepSize,
): void {
  const { layers, dim, heads, kvHeads, headDim, ffnHidden, normEps } = config
  const { norm, head, cosines, sines, state, queries, keys, values, attended, gated, logits, arrivals } = layout
  writeStruct(memory, 'Program', layout.program, {
    threads,
    tokens,
    sequences,
    layers,
    dim,
    heads,
    kvHeads,
    headDim,
    capacity,
    cacheWidth: cacheWidth(headDim),
    isSmallCache: scales ? 1 : 0,
    hidden: ffnHidden,
    epsilon: normEps,
    layer: layout.layerStructs,
    sequence: layout.sequences,
    scratch: layout.scratchStructs,
    norm,
    cosines,
    sines,
    state,
    queries,
    keys,
    values,
    attended,
    gated,
    logits,
    arrivals,
    head: head.at,
    counters: layout.counters.at,
  })
}
