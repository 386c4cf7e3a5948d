import { StemkitError, type ErrorCode } from '../../errors.ts'
import { check } from './bench.ts'

/** What a promise rejects with; undefined if it resolves. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error ?? new Error('rejected with nothing'),
  )
}

/** Fails unless `work` rejects, by a promise and not by throwing, with a StemkitError of this code and one line. */
export async function checkRejects(
  work: () => Promise<unknown>,
  code: ErrorCode | undefined,
  what: string,
): Promise<void> {
  const error = await rejection(promised(work, what))
  check(error !== undefined, `${what} should reject, it resolved`)
  check(StemkitError.isInstance(error), `${what} should reject with a StemkitError, not ${String(error)}`)
  check(
    code === undefined || error.code === code,
    `${what} should reject with '${code}', not '${error.code}': ${error.message}`,
  )
  check(error.message.length > 10 && !error.message.includes('\n'), `${what} should say in one line what is wrong`)
}

/** Fails unless `work` rejects with the reason of its signal. */
export async function checkAborts(work: () => Promise<unknown>, reason: unknown, what: string): Promise<void> {
  const error = await rejection(promised(work, what))
  check(error !== undefined, `${what} should reject as its signal has aborted, it resolved`)
  check(error === reason, `${what} should reject with the signal's reason, not ${String(error)}`)
}

function promised(work: () => Promise<unknown>, what: string): Promise<unknown> {
  try {
    return work()
  } catch (error) {
    throw new Error(`row driver conformance: ${what} threw ${String(error)} instead of rejecting`, { cause: error })
  }
}

/** Whether it settles by itself, without anything from outside: what a driver that works synchronously does. */
export async function settlesAtOnce(work: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    work.then(
      () => true,
      () => true,
    ),
    microtasks().then(() => false),
  ])
}

/** Lets all reactions to what has happened run, and nothing new happen. */
async function microtasks(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve()
}

/** Fails unless `dispose` waits for these calls, made before it, and they resolve. */
export async function checkWaits(dispose: () => Promise<void>, calls: readonly Promise<unknown>[]): Promise<void> {
  const settled = new Set<number>()
  const noted = calls.map(async (call, at) => {
    await call.finally(() => settled.add(at))
  })
  const all = Promise.allSettled(noted)
  await dispose()
  await microtasks()
  const left = calls.length - settled.size
  const results = await all
  check(left === 0, `dispose resolved while ${left} of ${calls.length} calls were under way`)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
