import { made, type Api, type Pointer } from './ort-library.ts'

interface Shared {
  readonly container: Pointer
  sessions: number
}

const groups = new WeakMap<object, Shared>()

/** What sessions keep for their group: the runtime's own layouts of weights, of which equal ones are there once. */
export interface PackedWeights {
  readonly container: Pointer
  /** Gives up one session's share; the last one's frees the memory. */
  release(): void
}

/** Joins the packed weights of a group, which are made for its first session. */
export function joinPackedWeights(api: Api, group: object): PackedWeights {
  const shared = groups.get(group) ?? {
    container: made(api, (out) => api.CreatePrepackedWeightsContainer(out)),
    sessions: 0,
  }
  groups.set(group, shared)
  shared.sessions++
  let released = false
  return {
    container: shared.container,
    release() {
      if (released) return
      released = true
      if (--shared.sessions > 0) return
      groups.delete(group)
      api.ReleasePrepackedWeightsContainer(shared.container)
    },
  }
}
