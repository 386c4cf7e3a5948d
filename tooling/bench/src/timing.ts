/** One of the things compared. */
export interface Side {
  /** Does the work once. Returns the milliseconds it measured itself, or nothing: then the call is timed. */
  run(): Promise<number | void>
  /** Called before another side runs, such as `peer.pause`: an idle thread pool may spin. */
  pause?(): void
  /** Called before this side runs. */
  resume?(): void
}

export interface Timing {
  /** Milliseconds of each round, in order. */
  readonly samples: readonly number[]
  readonly median: number
  readonly fastest: number
  readonly slowest: number
}

export interface InterleaveOptions {
  /** Default 7. */
  readonly rounds?: number
  /** Rounds before those that count. Default 2. */
  readonly warmUp?: number
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal
}

/**
 * Times all sides in turn, round by round, so that what the machine does meanwhile falls on all alike; every other round
 * goes backwards. While one runs, the others are paused. All run again when this resolves or throws.
 */
export async function interleave<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  { rounds = 7, warmUp = 2, progress, signal }: InterleaveOptions = {},
): Promise<Record<Name, Timing>> {
  const named = Object.entries(sides) as [Name, Side][]
  const samples = Object.fromEntries(named.map(([name]) => [name, [] as number[]])) as Record<Name, number[]>
  try {
    for (const [, side] of named) side.pause?.()
    for (let round = -warmUp; round < rounds; round++) {
      for (const [name, side] of round % 2 === 0 ? named : named.toReversed()) {
        signal?.throwIfAborted()
        const milliseconds = await timeAlone(side)
        if (round >= 0) samples[name].push(milliseconds)
        const label = round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`
        progress?.(`${label}  ${name} ${milliseconds.toFixed(milliseconds < 100 ? 2 : 0)} ms`)
      }
    }
  } finally {
    for (const [, side] of named) side.resume?.()
  }
  return Object.fromEntries(named.map(([name]) => [name, summarise(samples[name])])) as Record<Name, Timing>
}

async function timeAlone(side: Side): Promise<number> {
  side.resume?.()
  try {
    const start = performance.now()
    const measured = await side.run()
    return measured ?? performance.now() - start
  } finally {
    side.pause?.()
  }
}

/** The middle value; the mean of the two middle ones of an even number. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.floor(sorted.length / 2)]!) / 2
}

/** How many times as long `a` takes as `b`: the median over rounds, as both sides of a round met the same machine. */
export function medianRatio(a: Timing, b: Timing): number {
  return median(a.samples.map((sample, round) => sample / b.samples[round]!))
}

function summarise(samples: readonly number[]): Timing {
  return { samples, median: median(samples), fastest: Math.min(...samples), slowest: Math.max(...samples) }
}
