/** One of several iterables, and what came from it. */
export interface Merged<T> {
  readonly source: number
  readonly value: T
}

/**
 * Items of all sources as they come. Each source is one item ahead at most, so that a slow consumer slows them all. Ends
 * when all have ended; where one fails, or the consumer leaves, all are told to return.
 */
export async function* merge<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<Merged<T>, void> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]())
  const ready: (Merged<T> | { readonly error: unknown } | { readonly ended: number })[] = []
  let wake = (): void => {}
  const advance = async (source: number): Promise<void> => {
    try {
      const { done, value } = await iterators[source]!.next()
      ready.push(done ? { ended: source } : { source, value: value as T })
    } catch (error) {
      ready.push({ error })
    }
    wake()
  }
  let running = iterators.length
  try {
    for (let source = 0; source < running; source++) void advance(source)
    while (running > 0) {
      const item = ready.shift()
      if (item === undefined) {
        await new Promise<void>((resolve) => (wake = resolve))
      } else if ('error' in item) {
        throw item.error
      } else if ('ended' in item) {
        running--
      } else {
        yield item
        void advance(item.source)
      }
    }
  } finally {
    for (const iterator of iterators) iterator.return?.()?.catch(() => {})
  }
}
