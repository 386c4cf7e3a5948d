import { StemkitError } from '@stemkit/spec/errors'
import { describeHolder, isDead, parseHolder, type Holder } from './holder.ts'
import type { Router } from './router.ts'
import { TAKE } from './scripts.ts'
import type { Reply } from './server.ts'
import type { Shard } from './slots.ts'
import { unlessAborted } from '@stemkit/spec/waiting'

/** A lock as its holder has it. */
export interface Held {
  readonly token: string
  readonly generation: number
  readonly lost: AbortSignal
  /** Aborts `lost`. */
  lose(error: StemkitError): void
}

/**
 * The number that writes carry: each writer takes one that nobody had before, and servers refuse writes of an older one.
 * So who holds the lock shuts out everybody who held it before, however late their writes arrive.
 */
export interface Generations {
  /** The one to write with now. Rejects with `conflict` if somebody else holds the lock, or ours was lost. */
  current(signal?: AbortSignal): Promise<number>
  /** The servers know of a later one, `by`. */
  overtaken(generation: number, by: number): void
  /** Takes the next one, and the lock with it. Rejects with `conflict`, saying who holds it. */
  takeWithLock(token: string, holder: Holder, least: number, signal?: AbortSignal): Promise<number>
  held: Held | undefined
}

export interface GenerationsOptions {
  readonly where: string
  readonly router: Router
  readonly home: Shard
  /** Milliseconds. */
  readonly lease: number
}

interface Taking {
  readonly taking: Promise<number>
  /** Once it is taken. */
  taken?: number
}

export function openGenerations({ where, router, home, lease }: GenerationsOptions): Generations {
  let unlocked: Taking | undefined
  let seen = 0

  const take = async (token: string, holder: string, dead: string, signal?: AbortSignal): Promise<number> => {
    const keys = ['2', `${home.keys}lock`, `${home.keys}generation`]
    const args = [String(seen), token, String(lease), holder, dead]
    const [reply] = await router.send(home.slot, [['EVAL', TAKE, ...keys, ...args]], signal)
    const [generation, heldToken, heldBy] = reply as readonly Reply[]
    if (Number(generation) > 0) return Number(generation)
    const other = parseHolder(String(heldBy))
    if (token !== '' && dead === '' && other !== undefined && isDead(other)) {
      return take(token, holder, String(heldToken), signal)
    }
    throw new StemkitError(
      'conflict',
      `${where}: locked by ${describeHolder(other)}; wait for it, or ${lease} ms if it has died`,
    )
  }

  const generations: Generations = {
    held: undefined,
    async current(signal) {
      const { held } = generations
      if (held !== undefined) {
        held.lost.throwIfAborted()
        return held.generation
      }
      if (unlocked === undefined) {
        // Not with the signal of the first who asks: others wait for the same.
        const mine: Taking = { taking: take('', '', '') }
        unlocked = mine
        mine.taking.then(
          (generation) => (mine.taken = generation),
          () => {
            if (unlocked === mine) unlocked = undefined
          },
        )
      }
      return unlessAborted(unlocked.taking, signal)
    },
    overtaken(generation, by) {
      seen = Math.max(seen, by)
      if (unlocked?.taken === generation) unlocked = undefined
      if (generations.held?.generation !== generation) return
      generations.held.lose(
        new StemkitError(
          'conflict',
          `${where}: the lock was lost, somebody else has taken it since and may have written`,
        ),
      )
    },
    async takeWithLock(token, holder, least, signal) {
      seen = Math.max(seen, least)
      const generation = await take(token, JSON.stringify(holder), '', signal)
      unlocked = { taking: Promise.resolve(generation), taken: generation }
      return generation
    },
  }
  return generations
}
