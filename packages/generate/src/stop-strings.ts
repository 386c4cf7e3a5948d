import { StemkitError } from '@stemkit/spec/errors'

/** Looks for the end of a text that arrives in pieces. */
export interface StopStrings {
  /** Text that is certain to come before any stop string, and whether one was found right after it. */
  push(text: string): { readonly text: string; readonly stopped: boolean }
  /** Text held back because it could have become a stop string, where nothing more comes. */
  flush(): string
}

/**
 * Stop strings may lie across any number of pieces: text is held back while it could be the start of one.
 * @throws bad-input for an empty stop string
 */
export function createStopStrings(stops: readonly string[]): StopStrings {
  if (stops.includes('')) throw new StemkitError('bad-input', 'generate: a stop string is empty; leave it out')
  let held = ''
  return {
    push(text) {
      held += text
      const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0)
      if (found.length > 0) {
        const before = held.slice(0, Math.min(...found))
        held = ''
        return { text: before, stopped: true }
      }
      const open = Math.max(0, ...stops.map((stop) => overlap(held, stop)))
      const certain = held.slice(0, held.length - open)
      held = held.slice(held.length - open)
      return { text: certain, stopped: false }
    },
    flush() {
      const text = held
      held = ''
      return text
    },
  }
}

/** Length of the longest end of `text` that `stop` starts with, but is longer than. */
function overlap(text: string, stop: string): number {
  let length = Math.min(text.length, stop.length - 1)
  while (length > 0 && !text.endsWith(stop.slice(0, length))) length--
  return length
}
