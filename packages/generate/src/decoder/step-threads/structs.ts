/** Fields of the structs in assembly/structs.ts, in their order: 4 bytes each. */
export const STRUCTS = {
  Matrix: ['kind', 'rows', 'columns', 'block', 'data', 'bytes', 'scales', 'areScalesShort'],
  Layer: [
    'attentionNorm',
    'query',
    'key',
    'value',
    'output',
    'feedForwardNorm',
    'gate',
    'up',
    'down',
    'keys',
    'values',
    'keyScales',
    'valueScales',
    'rows',
  ],
  Sequence: ['place', 'first', 'count', 'position'],
  Scratch: [
    'inputs',
    'codes',
    'units',
    'offsets',
    'tile',
    'otherTile',
    'scores',
    'query',
    'shares',
    'first',
    'end',
    'helped',
    'ahead',
    'aheadEnd',
    'seen',
    'low4',
  ],
  Program: [
    'threads',
    'tokens',
    'sequences',
    'layers',
    'dim',
    'heads',
    'kvHeads',
    'headDim',
    'cacheWidth',
    'capacity',
    'isSmallCache',
    'hidden',
    'epsilon',
    'layer',
    'sequence',
    'scratch',
    'norm',
    'head',
    'cosines',
    'sines',
    'state',
    'queries',
    'keys',
    'values',
    'attended',
    'gated',
    'logits',
    'counters',
    'arrivals',
  ],
} as const

type Structs = typeof STRUCTS
export type StructName = keyof Structs
export type Struct<Name extends StructName> = Readonly<Record<Structs[Name][number], number>>

export const bytesOf = (name: StructName): number => 4 * STRUCTS[name].length

/** Writes a struct at an address; `epsilon` is the one field that is a float. */
export function writeStruct<Name extends StructName>(
  memory: WebAssembly.Memory,
  name: Name,
  address: number,
  values: Struct<Name>,
): void {
  const view = new DataView(memory.buffer, address, bytesOf(name))
  const fields: readonly (keyof Struct<Name> & string)[] = STRUCTS[name]
  fields.forEach((field, i) => {
    if (field === 'epsilon') view.setFloat32(4 * i, values[field], true)
    else view.setUint32(4 * i, values[field], true)
  })
}
