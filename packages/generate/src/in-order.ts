/**
 * Does `work` for each item, up to `window` of them at once, and yields the results in the order of the items. It asks for an
 * item only where there is room, and gives a result out without waiting for the next item. Whoever leaves early, or meets an
 * error, stops the rest by the signal that `work` is given.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  { window, signal }: { readonly window: number; readonly signal?: AbortSignal | undefined },
  work: (item: T, index: number, signal: AbortSignal) => Promise<R>,
): AsyncGenerator<R, void> {
  const leaving = new AbortController()
  const stop = signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal
  const iterator = iteratorOf(items)
  const pending: Promise<R>[] = []
  let index = 0
  let coming: Promise<IteratorResult<T, unknown>> | undefined
  let isDone = false
  try {
    while (!isDone || pending.length > 0) {
      if (!isDone && pending.length < window) coming ??= Promise.resolve(iterator.next())
      const [first] = pending
      const finished = first?.then(() => undefined)
      const found = await (coming && finished ? Promise.race([finished, coming]) : (finished ?? coming))
      if (found === undefined) {
        pending.shift()
        yield await first!
        continue
      }
      coming = undefined
      if (found.done) isDone = true
      else {
        const result = work(found.value, index++, stop)
        // It may be awaited late, or never.
        result.catch(() => {})
        pending.push(result)
      }
    }
  } finally {
    leaving.abort(new Error('the results are not wanted'))
    coming?.catch(() => {})
    // Not awaited: a generator that is waiting for something answers only when that has come.
    if (!isDone) void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}

function iteratorOf<T>(items: AsyncIterable<T> | Iterable<T>): AsyncIterator<T, unknown> | Iterator<T, unknown> {
  return Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
}
