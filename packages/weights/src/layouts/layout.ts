import type { ModelConfig } from '@stemkit/spec/model-config'
import type { Mapping, Origin } from '../mapping.ts'
import type { TensorInfo } from '../tensor.ts'
import { compareTensors, weightShapes } from '../weight-shapes.ts'

/** A model of another layout: its config, and where each of our weights comes from there. */
export interface Imported {
  readonly config: ModelConfig
  readonly mapping: Mapping
}

/** What another layout wants: its config file as JSON, and where each of its weights comes from here. */
export interface Exported {
  readonly json: Record<string, unknown>
  readonly mapping: Mapping
}

/**
 * Finds the origin of every weight that `config` asks for among the tensors of another layout.
 * @throws bad-input naming, as they are called there, tensors that are missing, unexpected or of another shape
 */
export function findOrigins(
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorInfo>,
  originOf: (name: string) => Origin,
  isIgnored: (name: string) => boolean,
): Mapping {
  const shapes = weightShapes(config)
  const mapping = new Map(Array.from(shapes.keys(), (name) => [name, originOf(name)]))
  const expected = new Map(Array.from(mapping, ([name, { from }]) => [from, shapes.get(name)!]))
  compareTensors(expected, tensors, { mayBeAbsent: () => false, mayBeExtra: isIgnored })
  return mapping
}

/** `layers 1, 3`, or `layer 1`: for messages. */
export const showLayers = (layers: readonly number[]): string =>
  `layer${layers.length === 1 ? '' : 's'} ${layers.join(', ')}`

/** The layers whose feed-forward is not among `kinds`. */
export const layersOutside = ({ feedForwards }: ModelConfig, kinds: readonly string[]): number[] =>
  feedForwards.flatMap((kind, layer) => (kinds.includes(kind) ? [] : [layer]))
