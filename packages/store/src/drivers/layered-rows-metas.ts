import { StemkitError } from '@stemkit/spec/errors'
import { checkMetaName, type RowCalls } from '@stemkit/spec/row-calls'
import type { Meta, RowDriver, RowOptions } from '@stemkit/spec/row-driver'

type Metas = NonNullable<RowDriver['meta']>

export interface LayeredMetas {
  /** Of the layer that changes go to, if it is not the base. */
  readonly layer: Metas | undefined
  readonly base: Metas | undefined
  readonly calls: RowCalls
  /** Done before a change. */
  readonly beforeChange: () => Promise<void>
}

/** A value of the layer begins with one of these. */
const VALUE = 0
const REMOVED = 1
/** Apart from the metas that the layer has for itself. */
const own = (name: string): string => `m.${name}`

export function layeredMetas({ layer, base, calls, beforeChange }: LayeredMetas): Metas | undefined {
  if (layer !== undefined && isWritable(layer)) return overlay(layer, base, calls, beforeChange)
  if (base === undefined || !isWritable(base)) return base
  return {
    get: async (name, io = {}) => calls.run({ name }, () => base.get(name, io), io.signal),
    put: async (name, bytes, io = {}) =>
      calls.run({ name }, () => beforeChange().then(() => base.put(name, bytes, io)), io.signal),
    remove: async (name, io = {}) =>
      calls.run({ name }, () => beforeChange().then(() => base.remove(name, io)), io.signal),
  }
}

const isWritable = (metas: Metas): metas is Required<Metas> => metas.put !== undefined && metas.remove !== undefined

/** The metas of a layer over those of a base that is only read. A removal hides what the base has. */
function overlay(
  layer: Required<Metas>,
  base: Metas | undefined,
  calls: RowCalls,
  beforeChange: () => Promise<void>,
): Required<Metas> {
  const find = async (name: string, io: RowOptions): Promise<{ here: Meta | undefined; shown: Meta | undefined }> => {
    const here = await layer.get(own(name), io)
    if (here !== undefined) {
      const shown = { bytes: here.bytes.subarray(1), version: `layer ${here.version}` }
      return { here, shown: here.bytes[0] === REMOVED ? undefined : shown }
    }
    const there = await base?.get(name, io)
    return { here, shown: there && { bytes: there.bytes, version: `base ${there.version}` } }
  }

  const put = async (name: string, kind: number, bytes: Uint8Array, over: Meta | undefined, io: RowOptions) => {
    const value = new Uint8Array(1 + bytes.length)
    value[0] = kind
    value.set(bytes, 1)
    return layer.put(own(name), value, { ...io, ifVersion: over?.version ?? null })
  }

  return {
    async get(name, { signal } = {}) {
      checkMetaName(name)
      return calls.run({ name }, async () => (await find(name, ioOf(signal))).shown, signal)
    },

    async put(name, bytes, { signal, ifVersion } = {}) {
      checkMetaName(name)
      const work = async (): Promise<string> => {
        await beforeChange()
        const { here, shown } = await find(name, ioOf(signal))
        const now = shown?.version ?? null
        if (ifVersion !== undefined && ifVersion !== now) {
          throw new StemkitError(
            'conflict',
            `layered rows: meta '${name}' is at version ${now}, the put was over ${ifVersion}`,
          )
        }
        return `layer ${await put(name, VALUE, bytes, here, ioOf(signal))}`
      }
      return calls.run({ name }, work, signal)
    },

    async remove(name, { signal } = {}) {
      checkMetaName(name)
      const work = async (): Promise<void> => {
        await beforeChange()
        const io = ioOf(signal)
        const { here } = await find(name, io)
        const hidden = (await base?.get(name, io)) !== undefined
        if (hidden) await put(name, REMOVED, new Uint8Array(0), here, io)
        else await layer.remove(own(name), io)
      }
      await calls.run({ name }, work, signal)
    },
  }
}

const ioOf = (signal: AbortSignal | undefined): RowOptions => (signal === undefined ? {} : { signal })
