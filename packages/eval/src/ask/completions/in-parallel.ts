export interface BatchRules<T> {
  /** Of how many at most. */
  readonly most: number
  /** Only what is of one kind goes together. */
  readonly kindOf?: (item: T) => string
  /** Of what size together, where there is more than one. */
  readonly room: number
  readonly sizeOf: (item: T) => number
}

/** Groups what follows each other. */
export async function* batched<T>(
  items: AsyncIterable<T>,
  { most, room, sizeOf, kindOf = () => '' }: BatchRules<T>,
): AsyncGenerator<T[], void> {
  let batch: T[] = []
  let kind: string | undefined
  let size = 0
  for await (const item of items) {
    const [nextKind, nextSize] = [kindOf(item), sizeOf(item)]
    if (batch.length > 0 && (batch.length >= most || nextKind !== kind || size + nextSize > room)) {
      yield batch
      batch = []
      size = 0
    }
    kind = nextKind
    size += nextSize
    batch.push(item)
  }
  if (batch.length > 0) yield batch
}

/**
 * Does `work` for each item, up to `concurrency` of them at once, and yields results as they come. Whoever leaves early, or
 * meets an error, stops the rest by the signal that `work` is given; what was done by then is still yielded before an error.
 */
export async function* inParallel<T, R>(
  items: AsyncIterable<T>,
  { concurrency, signal }: { readonly concurrency: number; readonly signal?: AbortSignal | undefined },
  work: (item: T, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R, void> {
  const leaving = new AbortController()
  const stop = signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal
  const iterator = items[Symbol.asyncIterator]()
  const running = new Set<Promise<void>>()
  const done: R[] = []
  /** The first is the one that counts. */
  const failures: unknown[] = []
  let isOver = false
  try {
    while (true) {
      while (!isOver && failures.length === 0 && running.size < concurrency) {
        const next = await iterator.next().catch((error: unknown) => void failures.push(error))
        if (!next || next.done) isOver = true
        else {
          const task = work(next.value, stop)
            .then(
              (result) => void done.push(result),
              (error: unknown) => void failures.push(error),
            )
            .finally(() => running.delete(task))
          running.add(task)
        }
      }
      yield* done.splice(0)
      if (done.length > 0) continue
      if (running.size > 0) await Promise.race(running)
      else if (isOver || failures.length > 0) break
    }
    if (failures.length > 0) throw failures[0]
  } finally {
    leaving.abort(new Error('the results are not wanted'))
    void iterator.return?.(undefined)
  }
}
