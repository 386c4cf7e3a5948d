/** Overlays that were opened and stay so, should they be asked for again. */
export interface KeptOverlays<T> {
  /** What is kept under a name; else what `open` gives, kept in place of what was asked for longest ago. Failures are not kept. */
  open(name: string, open: () => Promise<T>): Promise<T>
  /** Disposes what is kept. What was displaced may still be read by somebody, and is left to the garbage collector. */
  dispose(): Promise<void>
}

/** How many stay open. */
const MOST = 32

/** Keeps up to `most` overlays open. A name stands for the same overlays of the same rows as long as they are kept. */
export function keepOverlays<T extends { readonly source: { dispose(): Promise<void> } }>(
  most = MOST,
): KeptOverlays<T> {
  /** Last asked for last. */
  const kept = new Map<string, Promise<T>>()

  return {
    async open(name, open) {
      const found = kept.get(name) ?? open()
      kept.delete(name)
      kept.set(name, found)
      for (const oldest of kept.keys()) {
        if (kept.size <= most) break
        kept.delete(oldest)
      }
      try {
        return await found
      } catch (error) {
        if (kept.get(name) === found) kept.delete(name)
        throw error
      }
    },

    async dispose() {
      const all = [...kept.values()]
      kept.clear()
      for (const opening of all) await opening.then(({ source }) => source.dispose()).catch(() => {})
    },
  }
}
