import { StemkitError } from '@stemkit/spec/errors'
import type { Durability } from '@stemkit/spec/row-driver'
import type { Router } from './router.ts'
import { ServerFailure, type Command, type Server } from './server.ts'

/** What servers promise of what they have acknowledged. */
export interface Promised {
  readonly durability: Exclude<Durability, 'none'>
  /** Whether a flush has to wait for the disk, with WAITAOF. */
  readonly waits: boolean
}

/**
 * What a flush outlives on these servers: a loss of power if all of them write an append-only file, and either sync it
 * before they answer or can be asked to (WAITAOF, from 7.2 on). All servers keep what they have when this process ends.
 * @throws unsupported if a server may throw rows away when its memory is full
 */
export async function inspectServers(
  router: Router,
  wanted: RowsDurability | undefined,
  signal: AbortSignal | undefined,
): Promise<Promised> {
  const found = await Promise.all(router.masters().map((server) => inspect(router, server, signal)))
  const keeps = found.every(({ syncs, canWait }) => syncs || canWait)
  const durability = wanted ?? (keeps ? 'power' : 'process')
  const waits = found.every(({ canWait }) => canWait) && !found.every(({ syncs }) => syncs)
  return { durability, waits: waits && durability === 'power' }
}

type RowsDurability = Exclude<Durability, 'none'>

async function inspect(router: Router, server: Server, signal: AbortSignal | undefined) {
  const ask = async (...command: Command): Promise<string> => {
    try {
      return await router.persist(async (send) => String(await send(server, [command])), signal)
    } catch (error) {
      // Not everybody may ask; then nothing is assumed.
      if (StemkitError.isInstance(error) && (error.cause as ServerFailure | undefined)?.code !== undefined) return ''
      throw error
    }
  }
  const info = await ask('INFO')
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction'
  if (policy.startsWith('allkeys') && !/^maxmemory:0\s*$/m.test(info)) {
    throw new StemkitError(
      'unsupported',
      `redis ${server.name}: it throws rows away when its memory is full (maxmemory-policy ${policy}); set it to noeviction`,
    )
  }
  const appends = /^aof_enabled:1/m.test(info)
  const [major = 0, minor = 0] = (/^redis_version:(\d+)\.(\d+)/m.exec(info) ?? []).slice(1).map(Number)
  const always = (await ask('CONFIG', 'GET', 'appendfsync')).endsWith(',always')
  const pauses = !(await ask('CONFIG', 'GET', 'no-appendfsync-on-rewrite')).endsWith(',no')
  return { syncs: appends && always && !pauses, canWait: appends && (major > 7 || (major === 7 && minor >= 2)) }
}
