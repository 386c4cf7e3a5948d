import { setTimeout as sleep } from 'node:timers/promises'
import { unlessAborted } from '@stemkit/spec/waiting'

export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
  signal?.throwIfAborted()
}

/**
 * Starts `task` for each item at once. If one fails, the signal of the others aborts, and it rejects with the first
 * failure once all have ended.
 */
export async function allOf<T>(
  items: readonly T[],
  task: (item: T, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stop = new AbortController()
  const together = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  let first: { readonly error: unknown } | undefined
  await Promise.all(
    items.map(async (item) => {
      try {
        await task(item, together)
      } catch (error) {
        first ??= { error }
        stop.abort(error)
      }
    }),
  )
  if (first !== undefined) throw first.error
}

/** Lets in as many as fit, in the order of their coming; one that is larger than the room, alone. */
export interface Room {
  enter(size: number, signal?: AbortSignal): Promise<() => void>
}

export function openRoom(size: number): Room {
  let taken = 0
  const queue: { readonly wanted: number; readonly go: () => void }[] = []
  const admit = (): void => {
    for (let next = queue[0]; next !== undefined && (taken === 0 || taken + next.wanted <= size); next = queue[0]) {
      queue.shift()
      taken += next.wanted
      next.go()
    }
  }
  return {
    async enter(wanted, signal) {
      signal?.throwIfAborted()
      let inside = false
      let place!: (typeof queue)[number]
      const admitted = new Promise<void>((go) => {
        place = {
          wanted,
          go: () => {
            inside = true
            go()
          },
        }
      })
      const leave = (): void => {
        taken -= wanted
        admit()
      }
      queue.push(place)
      admit()
      try {
        await unlessAborted(admitted, signal)
      } catch (error) {
        if (inside) leave()
        else queue.splice(queue.indexOf(place), 1)
        admit()
        throw error
      }
      return leave
    },
  }
}
