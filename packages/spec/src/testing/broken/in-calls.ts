import { StemkitError } from '../../errors.ts'
import { omit, read, write, type Fault } from './fault.ts'
import { tick } from './slow-rows.ts'

/** In how calls are aborted, disposed and ordered. */
export const IN_CALLS: readonly Fault[] = [
  [
    'is deaf to signals',
    { signal: () => undefined },
    [
      'abort: before a read',
      'abort: during a read',
      'abort: before a write, nothing is changed',
      'abort: during a write, each row is old or new',
      'resize: stops when aborted before it, and when disposed',
      'meta: getting stops when aborted before it, and when disposed',
      'meta: putting and removing stop when aborted before them, and when disposed',
      'lock: stops when aborted before it, and when disposed',
    ],
  ],
  [
    'hears signals only before it begins to read',
    { signal: (signal, verb) => (verb === 'read' && !signal?.aborted ? undefined : signal) },
    ['abort: during a read'],
  ],
  [
    'hears signals only before it begins to write',
    { signal: (signal, verb) => (verb === 'write' && !signal?.aborted ? undefined : signal) },
    ['abort: during a write, each row is old or new'],
  ],
  [
    'rejects with an error of its own when aborted',
    {
      outside: (driver) =>
        read((ids, into, options) =>
          driver.read(ids, into, options).catch((error: unknown) => {
            throw StemkitError.isInstance(error) ? error : new StemkitError('io', 'the read was aborted')
          }),
        ),
    },
    ['abort: before a read'],
  ],
  [
    'rejects when aborted and goes on using the buffer',
    { hasty: true },
    ['abort: during a read', 'abort: during a write, each row is old or new'],
  ],
  [
    'writes although the signal has aborted',
    {
      outside: (driver) =>
        write(async (ids, from, options) => {
          await driver.write(ids, from, omit(options ?? {}, 'signal'))
          options?.signal?.throwIfAborted()
        }),
    },
    ['abort: before a write, nothing is changed'],
  ],
  [
    'tears the rows of an aborted write',
    {
      signal: (signal, verb) => (verb === 'write' ? undefined : signal),
      outside: (driver) =>
        write(async (ids, from, options) => {
          options?.signal?.throwIfAborted()
          const call = driver.write(ids, from)
          await tick()
          await call
          if (!options?.signal?.aborted) return
          const torn = from.slice()
          ids.forEach((_, i) => torn.fill(7, i * driver.rowBytes, i * driver.rowBytes + (driver.rowBytes >> 1)))
          await driver.write(ids, torn)
          throw options.signal.reason as Error
        }),
    },
    ['abort: during a write, each row is old or new'],
  ],
  [
    'aborts all reads when one is aborted',
    {
      outside: (driver) => {
        const stop = new AbortController()
        return read((ids, into, { signal } = {}) => {
          signal?.addEventListener('abort', () => stop.abort(signal.reason))
          return driver.read(ids, into, { signal: signal?.aborted === true ? signal : stop.signal })
        })
      },
    },
    ['abort: one of many reads leaves the others alone'],
  ],
  [
    'can be used after dispose',
    {
      outside: (driver) => ({
        ...driver,
        dispose: async () => {
          await driver.flush()
        },
      }),
    },
    [
      'dispose: refuses reads after it, and may be called twice',
      'dispose: refuses writes after it',
      'resize: stops when aborted before it, and when disposed',
      'meta: getting stops when aborted before it, and when disposed',
      'meta: putting and removing stop when aborted before them, and when disposed',
      'lock: stops when aborted before it, and when disposed',
    ],
  ],
  [
    'cannot be disposed twice',
    {
      outside: (driver) => {
        let disposed = false
        return {
          dispose: async () => {
            if (disposed) throw new StemkitError('bad-input', 'this was already disposed')
            disposed = true
            await driver.dispose()
          },
        }
      },
    },
    ['dispose: refuses reads after it, and may be called twice'],
  ],
  [
    'does not wait when disposed',
    { outside: (driver) => ({ dispose: async () => void driver.dispose() }) },
    ['dispose: waits for reads under way', 'dispose: waits for writes under way'],
  ],
  [
    'fails the calls under way when disposed',
    {
      outside: (driver) => {
        const stop = new AbortController()
        return {
          ...write((ids, from) => driver.write(ids, from, { signal: stop.signal })),
          dispose: async () => {
            stop.abort(new StemkitError('io', 'disposed while writing'))
            await driver.dispose()
          },
        }
      },
    },
    ['dispose: waits for writes under way'],
  ],
  [
    'reads before earlier writes are done',
    { touches: (touches) => omit(touches, 'read') },
    [
      'overlap: a read sees the writes called before it, and none called after it',
      'overlap: any mixture of calls, aborted ones too, reads as if each took effect when it was called',
    ],
  ],
  [
    'reads rows that are half written',
    {
      outside: ({ medium, rowBytes }) =>
        read(async (ids, into) => {
          await tick()
          ids.forEach((id, i) => into.set(medium.bytes.subarray(id * rowBytes, (id + 1) * rowBytes), i * rowBytes))
        }),
    },
    ['overlap: no read sees a half-written row'],
  ],
  [
    'lets a later write overtake an earlier one',
    {
      touches: (touches) => omit(touches, 'write'),
      write: async (medium, ids, from, rowBytes) => {
        // The more rows, the longer it takes.
        for (let i = 0; i < ids.length; i += 8) await tick()
        ids.forEach((id, i) => medium.bytes.set(from.subarray(i * rowBytes, (i + 1) * rowBytes), id * rowBytes))
      },
    },
    ['overlap: of writes to a row the one called last stays'],
  ],
]
