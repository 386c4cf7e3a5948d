import { StemkitError } from '@stemkit/spec/errors'
import type { Meta } from '@stemkit/spec/row-driver'
import type { Generations } from './generations.ts'
import type { Router } from './router.ts'
import { PUT } from './scripts.ts'
import type { Reply } from './server.ts'
import type { Shard } from './slots.ts'
import { openRoom } from './waiting.ts'

export interface Metas {
  get(name: string, signal?: AbortSignal): Promise<Meta | undefined>
  put(name: string, bytes: Uint8Array, ifVersion: string | null | undefined, signal?: AbortSignal): Promise<string>
  remove(name: string, signal?: AbortSignal): Promise<void>
  /** Whether any was put or removed since this was last set to false. */
  unflushed: boolean
}

export interface MetasOptions {
  readonly where: string
  readonly router: Router
  readonly home: Shard
  readonly generations: Generations
  /** Names whoever puts, like nobody else. */
  readonly caller: string
}

/** Metas as hashes beside each other on one node. Names are checked by the caller. */
export function openMetas({ where, router, home, generations, caller }: MetasOptions): Metas {
  const lane = openRoom(1)
  let calls = 0
  const keyOf = (name: string): string => `${home.keys}meta:${name}`

  const change = async (
    what: 'put' | 'remove',
    name: string,
    ifVersion: string | null | undefined,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<string> => {
    // One at a time, so that none that is sent again can come after a later one.
    const leave = await lane.enter(1, signal)
    try {
      const { held } = generations
      held?.lost.throwIfAborted()
      const number = String(++calls)
      const version = `${caller}.${number}`
      const condition = ifVersion === undefined ? '' : `=${ifVersion ?? ''}`
      const keys = ['3', keyOf(name), `${home.keys}caller:${caller}`, `${home.keys}generation`]
      const args = [
        number,
        what,
        condition,
        held === undefined ? '' : String(held.generation),
        version,
        Buffer.from(bytes),
      ]
      metas.unflushed = true
      const [reply] = await router.send(home.slot, [['EVAL', PUT, ...keys, ...args]], signal)
      const result = String(reply)
      if (result === 'ok') return version
      if (result === 'fenced' && held !== undefined) {
        generations.overtaken(held.generation, held.generation)
        held.lost.throwIfAborted()
      }
      const is = result.replace(/^conflict ?/, '')
      throw new StemkitError(
        'conflict',
        `${where}: meta '${name}' ${is === '' ? 'is not there' : `has version ${is}`}, not ${ifVersion ?? 'new'}: somebody else has changed it, read it again`,
      )
    } finally {
      leave()
    }
  }

  const metas: Metas = {
    unflushed: false,
    async get(name, signal) {
      const [reply] = await router.send(home.slot, [['HMGET', keyOf(name), 'version', 'bytes']], signal)
      const [version, bytes] = reply as readonly Reply[]
      if (version === null || version === undefined) return undefined
      // A copy: the reply may be a part of what else was received.
      return { version: String(version), bytes: new Uint8Array(bytes as Buffer) }
    },
    put: (name, bytes, ifVersion, signal) => change('put', name, ifVersion, bytes, signal),
    async remove(name, signal) {
      await change('remove', name, undefined, new Uint8Array(0), signal)
    },
  }
  return metas
}
