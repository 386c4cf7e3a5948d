/**
 * Two-sided exact sign test: the probability that of so many coins at most as few, or at least as many, fall on one side as here.
 * McNemar's exact test, where the numbers are of the documents that only one of two runs answers rightly.
 */
export function signTest(better: number, worse: number): number {
  const count = better + worse
  const few = Math.min(better, worse)
  // Terms of the binomial distribution as logarithms, since 2^-count may be too small for a double.
  let term = -count * Math.LN2
  let total = 0
  for (let i = 0; i <= few; i++) {
    total += Math.exp(term)
    term += Math.log(count - i) - Math.log(i + 1)
  }
  return Math.min(1, 2 * total)
}
