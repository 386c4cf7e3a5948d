import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CALLS, type Call } from './around-rows.ts'
import { stepsOf } from './history.ts'
import { judge, openReader, type Reader } from './judge.ts'
import { openMedium, type Medium, type MediumName } from './media.ts'
import { promisedBy } from './promised.ts'
import { runWriter, type Ended, type Kill, type Moment } from './run-writer.ts'

export interface KillSweepOptions {
  readonly medium: MediumName
  readonly seed?: number
  readonly steps?: number
  /** Kill at every call three times: before it, in the middle of it and after it. Default: at every call once, in turn so. */
  readonly everyMoment?: boolean
  /** How many of these, evenly spread. Default: all. */
  readonly kills?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: { readonly kills: number; readonly totalKills: number }) => void
}

export interface KillSweep {
  readonly medium: MediumName
  /** Calls of the driver that change or sync something, of a writer that is left alone. */
  readonly calls: Readonly<Record<Call, number>>
  /** Processes killed where they should be, by call and by moment. A call that does its work at once has no middle. */
  readonly kills: Readonly<Record<Call | Moment, number>>
  readonly totalKills: number
  /** Writers that came to their end before the call at which they were to be killed: how many rows one write takes varies. */
  readonly missed: number
  /** Versions that readers held in another process while the writer was killed. */
  readonly pinned: number
  readonly breaches: readonly string[]
  readonly seconds: number
}

const AT_ONCE = 2
const MOMENTS: readonly Moment[] = ['before', 'during', 'after']

/** Kills a process that works on a table through a cached store at calls of its driver, and judges what each one leaves. */
export async function sweepKills(options: KillSweepOptions): Promise<KillSweep> {
  const { medium: name, seed = 1, steps = 32, signal, onProgress } = options
  const started = performance.now()
  const folder = await mkdtemp(join(tmpdir(), 'stemkit-faults-'))
  const medium = await openMedium(name, folder)
  try {
    const run: Run = { medium, seed, steps, compileCache: join(folder, 'compiled') }
    const calls = await callsOf(run)
    const plan = planKills(calls, options)
    const kills = { ...zeros(CALLS), ...zeros(MOMENTS) }
    const breaches: string[] = []
    let [next, missed, pinned, totalKills] = [0, 0, 0, 0]
    const stop = new AbortController()
    const stops = [stop.signal, ...(signal ? [signal] : [])]
    const work = async (): Promise<void> => {
      while (next < plan.length) {
        AbortSignal.any(stops).throwIfAborted()
        const kill = plan[next++]!
        const outcome = await killAndJudge(run, kill)
        if (outcome === undefined) missed++
        else {
          totalKills++
          kills[kill.call]++
          kills[outcome.moment]++
          pinned += outcome.pinned
          if (outcome.breach) breaches.push(`${name}, ${kill.moment} ${kill.call} ${kill.nth}: ${outcome.breach}`)
        }
        onProgress?.({ kills: totalKills + missed, totalKills: plan.length })
      }
    }
    const lane = (): Promise<void> =>
      work().catch((error: unknown) => {
        stop.abort(error)
      })
    // What is under way comes to its end before its folder goes.
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    stop.signal.throwIfAborted()
    const seconds = (performance.now() - started) / 1000
    return { medium: name, calls, kills, totalKills, missed, pinned, breaches, seconds }
  } finally {
    await medium.close()
    await rm(folder, { recursive: true })
  }
}

interface Run {
  readonly medium: Medium
  readonly seed: number
  readonly steps: number
  readonly compileCache: string
}

/** Counts the calls of the driver of a writer that is left alone. What it leaves has to be right, too. */
async function callsOf(run: Run): Promise<Record<Call, number>> {
  const readers: Reader[] = []
  const url = run.medium.url('alone')
  const ended = await start(run, url, readers)
  if (ended.code !== 0) throw new Error(`a writer that is left alone ended with ${ended.code}: ${ended.errors}`)
  await judge(url, promisedBy(ended.lines, stepsOf(run.seed, run.steps)), readers)
  await Promise.all(readers.map(({ table }) => table.dispose()))
  const said = JSON.parse(ended.lines.at(-1)!.slice('end '.length)) as {
    evictions: number
    prefetchUsed: number
    calls: Partial<Record<Call, number>>
  }
  if (!(said.evictions > 0 && said.prefetchUsed > 0)) throw new Error('the cache is too large to be of any interest')
  return { ...zeros(CALLS), ...said.calls }
}

function planKills(
  calls: Readonly<Record<Call, number>>,
  { everyMoment = false, kills = Infinity }: KillSweepOptions,
): Kill[] {
  const all = CALLS.flatMap((call) =>
    Array.from({ length: calls[call] }, (_, at) => {
      const moments = everyMoment ? MOMENTS : [MOMENTS[at % MOMENTS.length]!]
      return moments.map((moment): Kill => ({ call, nth: at + 1, moment }))
    }).flat(),
  )
  const count = Math.min(kills, all.length)
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)]!)
}

interface Outcome {
  readonly moment: Moment
  readonly breach?: string
  readonly pinned: number
}

/** Undefined if the writer never came there. */
async function killAndJudge(run: Run, kill: Kill): Promise<Outcome | undefined> {
  const readers: Reader[] = []
  const url = run.medium.url(`killed-${kill.call}-${kill.nth}-${kill.moment}`)
  try {
    const ended = await start(run, url, readers, kill)
    if (ended.code === 0) return undefined
    // It said that it stands there, and nothing after that.
    const at = `at ${kill.call} ${kill.nth} `
    const last = ended.lines.at(-1) ?? ''
    if (ended.signal !== 'SIGKILL' || !last.startsWith(at)) {
      throw new Error(`${url}: not killed ${at}, but ended by ${ended.signal ?? ended.code} ${last}: ${ended.errors}`)
    }
    const moment = MOMENTS.find((each) => last === at + each)!
    const promised = promisedBy(ended.lines, stepsOf(run.seed, run.steps))
    const breach = await judge(url, promised, readers).then(() => undefined, String)
    return { moment, pinned: readers.length, ...(breach === undefined ? {} : { breach }) }
  } finally {
    await Promise.all(readers.map(({ table }) => table.dispose()))
  }
}

const start = ({ seed, steps, compileCache }: Run, url: string, readers: Reader[], kill?: Kill): Promise<Ended> =>
  runWriter({
    url,
    seed,
    steps,
    compileCache,
    ...(kill ? { kill } : {}),
    onPin: async (lines) => void readers.push(await openReader(url, promisedBy(lines, stepsOf(seed, steps)))),
  })

const zeros = <K extends string>(names: readonly K[]): Record<K, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<K, number>
