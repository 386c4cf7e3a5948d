import { StemkitError } from '@stemkit/spec/errors'
import { MOST_SHARDS } from './geometry.ts'
import type { RedisSettings } from './url.ts'

export interface CheckedSettings {
  readonly prefix: string
  readonly shards: number | undefined
  readonly timeout: number
  readonly lease: number
  readonly durability: RedisSettings['durability']
  readonly replicas: number
}

/**
 * Settings of a URL's query, those given beside the URL before them, and defaults.
 * @throws bad-input
 */
export function settle(inUrl: RedisSettings, given: RedisSettings): CheckedSettings {
  const settings = {
    prefix: given.prefix ?? inUrl.prefix ?? 'stemkit',
    shards: given.shards ?? inUrl.shards,
    timeout: given.timeout ?? inUrl.timeout ?? 20_000,
    lease: given.lease ?? inUrl.lease ?? 10_000,
    durability: given.durability ?? inUrl.durability,
    replicas: given.replicas ?? inUrl.replicas ?? 0,
  }
  const { prefix, shards } = settings
  if (!/^[\w.:/-]{1,100}$/.test(prefix)) {
    throw new StemkitError(
      'bad-input',
      `rows in Redis: prefix ${JSON.stringify(prefix)}; it takes 1 to 100 of A-Z, a-z, 0-9, '_', '.', ':', '/' and '-'`,
    )
  }
  const ranges = {
    timeout: [100, 3_600_000],
    lease: [300, 3_600_000],
    replicas: [0, 100],
    shards: [1, MOST_SHARDS],
  } as const
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = { ...settings, shards: shards ?? 1 }[name as keyof typeof ranges]
    if (Number.isInteger(value) && value >= least && value <= most) continue
    throw new StemkitError(
      'bad-input',
      `rows in Redis: ${name} is ${value}, it must be a whole number from ${least} to ${most}`,
    )
  }
  return settings
}
