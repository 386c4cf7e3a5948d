/** What a timer of the platform holds; of more it makes a millisecond. */
const LONGEST_MS = 2 ** 31 - 1

/** `setTimeout` for any time: what is further off than 24 days does not come. */
export const after = (ms: number, act: () => void): ReturnType<typeof setTimeout> | undefined =>
  ms > LONGEST_MS ? undefined : setTimeout(act, ms)

/** Does something again and again until what it returns is called. Does not keep the process alive. */
export function every(ms: number, act: () => void): () => void {
  const timer: { unref?: () => void } | number = setInterval(act, ms)
  if (typeof timer === 'object') timer.unref?.()
  return () => clearInterval(timer as unknown as number)
}
