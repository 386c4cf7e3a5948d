import type { EvalRequest } from './requests.ts'

/**
 * The order in which requests are asked: contexts that begin alike next to each other, so that a model reads the common part
 * once; of such families the longest first, so that the time that is left is not underestimated. It does not depend on the
 * order in which the requests come, but for equal ones.
 */
export function requestOrder(requests: readonly EvalRequest[]): number[] {
  const contexts = requests.map((request) =>
    request.kind === 'loglikelihood_rolling' ? request.text : request.context,
  )
  const ends = requests.map((request) => (request.kind === 'loglikelihood' ? request.continuation : ''))
  const sorted = [...requests.keys()].toSorted(
    (a, b) => compare(contexts[a]!, contexts[b]!) || compare(ends[a]!, ends[b]!) || a - b,
  )
  const families: { longest: number; members: number[] }[] = []
  for (const [place, index] of sorted.entries()) {
    const text = contexts[index]!
    const before = place === 0 ? undefined : contexts[sorted[place - 1]!]!
    const family = before !== undefined && isAlike(before, text) ? families.at(-1) : undefined
    if (!family) families.push({ longest: text.length, members: [index] })
    else {
      family.members.push(index)
      family.longest = Math.max(family.longest, text.length)
    }
  }
  return families.toSorted((a, b) => b.longest - a.longest).flatMap(({ members }) => members)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Whether half of the shorter text is common to both. */
function isAlike(a: string, b: string): boolean {
  const half = Math.ceil(Math.min(a.length, b.length) / 2)
  return a.slice(0, half) === b.slice(0, half)
}
