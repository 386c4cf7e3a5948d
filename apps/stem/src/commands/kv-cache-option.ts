import { KV_CACHE_TYPES } from '@stemkit/generate'
import { Option } from 'commander'

/** How a model that runs keeps keys and values. */
export const kvCacheOption = (): Option =>
  new Option(
    '--kv-cache <type>',
    'keep keys and values so: int8 takes a quarter of the memory a slot and is faster, answers differ a little (default: f32)',
  ).choices(KV_CACHE_TYPES)
