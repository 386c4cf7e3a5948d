import type { KvCacheType } from '@stemkit/generate'
import { Option } from 'commander'

/** All that there are; not from the package, which would have to be loaded for it. */
const TYPES: Readonly<Record<KvCacheType, true>> = { f32: true, int8: true }

/** How a model that runs keeps keys and values. */
export const kvCacheOption = (): Option =>
  new Option(
    '--kv-cache <type>',
    'keep keys and values so: int8 takes a quarter of the memory a slot and is faster, answers differ a little (default: f32)',
  ).choices(Object.keys(TYPES))
