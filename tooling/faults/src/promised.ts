import { after, newState, type State, type Step } from './history.ts'

/** What may be found after a kill, as somebody knows who saw which calls had resolved. */
export interface Promised {
  /** The last version that was promised. Undefined: not even the table. */
  readonly version: number | undefined
  /** What the versions hold. */
  readonly known: ReadonlyMap<number, State>
  /** Versions that must be there besides. */
  readonly kept: ReadonlySet<number>
  /** What the version in the making would hold, if one is. */
  readonly making: State | undefined
}

/** What a writer has been promised, by the lines that it said and the steps that it took. */
export function promisedBy(lines: readonly string[], steps: readonly Step[]): Promised {
  const known = new Map<number, State>()
  const kept = new Set<number>()
  let state = newState()
  let version: number | undefined
  let making: State | undefined = state
  let keep = false

  for (const line of lines) {
    const [word, number] = line.split(' ')
    if (word === 'version') {
      version = Number(number)
      known.set(version, state)
      if (keep) kept.add(version)
      making = undefined
    } else if (word === 'step') {
      const step = steps[Number(number)]!
      state = after(state, step)
      keep = step.kind === 'snapshot' && step.keep
      if (step.kind === 'snapshot') making = state
      if (step.kind === 'drop') for (const oldest of [...kept].slice(0, 1)) kept.delete(oldest)
    }
  }
  return { version, known, kept, making }
}
