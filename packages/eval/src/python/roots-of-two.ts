/** The powers 2^(i / parts) for i below `parts`, times 2^256. `parts` is a power of two. */
export function rootsOfTwo(parts: number): bigint[] {
  const one = 1n << 256n
  let step = one * 2n
  for (let halvings = 0; 2 ** halvings < parts; halvings++) step = squareRoot(step * one)
  const powers: bigint[] = []
  for (let power = one; powers.length < parts; power = (power * step) / one) powers.push(power)
  return powers
}

function squareRoot(n: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2))
  while (true) {
    const next = (root + n / root) >> 1n
    if (next >= root) return root
    root = next
  }
}
