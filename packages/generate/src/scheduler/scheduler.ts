import { StemkitError } from '@stemkit/spec/errors'
import type { Chunk, Decoder } from '../decoder/decoder.ts'
import type { ModelStats } from '../usage.ts'
import { chunkEnds } from './chunk-ends.ts'
import type { Job } from './job.ts'
import { isDecoding, isPrefilling, nextChunk, type Running } from './next-chunk.ts'
import { runChunks } from './run-chunks.ts'
import { createSlotCache } from './slot-cache.ts'
import { createSpeculation } from './speculation.ts'

export interface SchedulerOptions {
  readonly decoder: Decoder
  /** Tokens of prompts that are read between two steps of the sequences that are being continued. */
  readonly prefillChunk: number
  /** Does the same arithmetic for a sequence whatever else is there. */
  readonly deterministic: boolean
  /** Guesses tokens from the text where one sequence runs alone. */
  readonly speculate: boolean
}

/** Runs many sequences on one decoder: they join and leave at every step. */
export interface Scheduler {
  /** Runs a job to its end. One that was put aside, its reader being far behind, is handed in again. */
  submit(job: Job): void
  /** Gives up a job. Its slot is free after the step that is running. */
  cancel(job: Job): void
  /** Lets nothing start from what was computed with the rows of these tokens; without tokens, from nothing before. */
  forget(tokens?: Iterable<number>): void
  stats(): Omit<ModelStats, 'store'>
  /** Ends all jobs with an error, waits for the step that is running, and disposes the decoder. */
  dispose(): Promise<void>
}

/** While nobody decodes, nobody waits for a chunk to end, and longer ones cost less. */
const ALONE = 4

export function createScheduler({ decoder, speculate, ...rules }: SchedulerOptions): Scheduler {
  const { prefillChunk, deterministic } = rules
  const endsOf = deterministic ? (job: Job) => chunkEnds(job, prefillChunk) : undefined
  const cache = createSlotCache(decoder, { endsOf })
  const speculation = speculate && !deterministic ? createSpeculation() : undefined
  const closing = new AbortController()
  const counts = { batch: 0, prefilled: 0, cached: 0, decoded: 0, speculated: 0, accepted: 0 }
  /** Who is wanted, and when it came first: one that comes again keeps its place. Not held, so who drops a job is done. */
  const wanted = new WeakMap<Job, { readonly order: number; isNew: boolean }>()
  let waiting: Job[] = []
  /** In the order of their turns to read their prompts. */
  let running: Running[] = []
  let arrived = 0
  let loop: Promise<void> | undefined

  const leave = (each: Running): void => {
    running = running.filter((other) => other !== each)
    cache.release(each.slot)
  }
  const end = (each: Running, error?: unknown): void => {
    leave(each)
    wanted.delete(each.job)
    each.job.ended(error)
  }

  /** Lets go of what is cancelled, done or too far ahead of its reader, and gives free slots to those who wait. */
  const settle = (): void => {
    for (const each of running) {
      if (each.job.done) end(each)
      else if (each.job.full || !wanted.has(each.job)) leave(each)
    }
    for (let job = waiting[0]; job; job = waiting[0]) {
      const slot = cache.acquire(job)
      if (!slot) break
      waiting.shift()
      running.push({ job, slot, begun: false })
    }
    for (const each of running) if (!each.begun) begin(each)
  }

  /** Starts a sequence from what is there of its beginning, unless another one is just reading more of that. */
  const begin = (each: Running): void => {
    const { job, slot } = each
    const { from, length } = cache.find(job, slot)
    const isAwaited = running.some(
      (other) => isPrefilling(other) && cache.promised(job, other.slot) > Math.max(length, other.slot.tokens.length),
    )
    if (isAwaited) return
    cache.start(slot, job, from, length)
    each.begun = true
    const state = wanted.get(job)
    if (!state?.isNew) return
    state.isNew = false
    counts.cached += length
    job.begun(length)
  }

  /** What a sequence has read is its own from now on. Of guesses only those count that `take` agreed with. */
  const took = (each: Running, { start, ids, asked }: Chunk, logits: Float32Array): void => {
    const { job, slot } = each
    if (!wanted.has(job)) return
    if (deterministic && start === (slot.ends.at(-1) ?? 0)) slot.ends.push(start + ids.length)
    const rows = asked === 'all' ? ids.length : asked === 'last' ? 1 : 0
    const width = logits.length / Math.max(rows, 1)
    const known = Math.min(ids.length, job.tokens.length - start)
    for (let i = 0; i < known; i++) slot.tokens.push(ids[i]!)
    try {
      for (let row = 0; row < rows; row++) {
        const at = start + ids.length - rows + row
        // A guess that was wrong ends it.
        if (job.done || job.tokens[at] !== ids[at - start]) break
        if (at >= slot.tokens.length) {
          slot.tokens.push(ids[at - start]!)
          counts.accepted++
        }
        if (at < job.firstAsked) continue
        if (job.remaining > 0) counts.decoded++
        job.take(logits.subarray(row * width, (row + 1) * width), at)
      }
    } catch (error) {
      end(each, error)
    }
  }

  const run = (steps: readonly (readonly [Running, Chunk])[]): Promise<void> => {
    const chunks = steps.map(([, chunk]) => chunk)
    return runChunks(decoder, chunks, closing.signal, {
      done: (i, logits) => took(...steps[i]!, logits),
      failed: (i, error) => end(steps[i]![0], error),
    })
  }

  /** A step of all sequences that read one token; with guesses, where there is only one sequence. */
  const decode = async (batch: readonly Running[]): Promise<void> => {
    counts.batch = batch.length
    const only = running.length === 1 ? running[0] : undefined
    const room = only ? Math.min(decoder.maxLength - only.job.tokens.length, only.job.remaining - 1) : 0
    const drafts = (only && speculation?.draft(only.job, room)) ?? []
    counts.speculated += drafts.length
    const begun = performance.now()
    await run(batch.map((each) => [each, nextChunk(each, 1, rules, drafts)] as const))
    if (only) speculation?.measured(1 + drafts.length, performance.now() - begun)
  }

  /** Chunks of prompts, in turn, as far as the budget of a step goes. */
  const prefill = async (budget: number): Promise<boolean> => {
    const steps: [Running, Chunk][] = []
    for (const each of running) {
      if (budget <= 0) break
      if (!each.begun || isDecoding(each, rules)) continue
      const chunk = nextChunk(each, budget, rules)
      steps.push([each, chunk])
      budget -= chunk.ids.length
      counts.prefilled += chunk.ids.length
    }
    if (steps.length === 0) return false
    counts.batch = steps.length
    const served = new Set(steps.map(([each]) => each))
    running = [...running.filter((each) => !served.has(each)), ...served]
    for (const each of running) {
      const read = each.slot.tokens.length + (steps.find(([other]) => other === each)?.[1].ids.length ?? 0)
      if (served.has(each) || isDecoding(each, rules)) fetchAhead(each.job, read, prefillChunk)
    }
    if (deterministic) for (const step of steps) await run([step])
    else await run(steps)
    return true
  }

  const fetchAhead = ({ tokens, rows }: Job, from: number, count: number): void => {
    if (rows.prefetch) rows.prefetch(Int32Array.from(tokens.slice(from, from + count)))
  }

  const work = async (): Promise<void> => {
    for (;;) {
      closing.signal.throwIfAborted()
      settle()
      const batch = running.filter((each) => isDecoding(each, rules))
      const isAlone = batch.length === 0 && !deterministic
      if (batch.length > 0) {
        const next = running.find((each) => each.begun && !batch.includes(each))
        if (next) fetchAhead(next.job, next.slot.tokens.length, prefillChunk)
        await decode(batch)
        settle()
      }
      const didPrefill = await prefill(isAlone ? ALONE * prefillChunk : prefillChunk)
      if (!didPrefill && batch.length === 0) return
    }
  }

  const start = (): void => {
    loop ??= Promise.resolve()
      .then(work)
      .catch((error: unknown) => {
        for (const each of running) end(each, error)
      })
      .finally(() => {
        loop = undefined
        if (waiting.length > 0 && !closing.signal.aborted) start()
      })
  }
  const disposed = (): StemkitError => new StemkitError('bad-input', 'the model was disposed; load it again')

  return {
    submit(job) {
      if (closing.signal.aborted) return job.ended(disposed())
      if (waiting.includes(job) || running.some((each) => each.job === job)) return
      const state = wanted.get(job) ?? { order: arrived++, isNew: true }
      wanted.set(job, state)
      const place = waiting.findIndex((other) => (wanted.get(other)?.order ?? 0) > state.order)
      waiting.splice(place < 0 ? waiting.length : place, 0, job)
      start()
    },

    cancel(job) {
      wanted.delete(job)
      waiting = waiting.filter((other) => other !== job)
    },

    forget: (tokens) => cache.forget(tokens),

    stats: () => ({ slots: decoder.slots, running: running.length, waiting: waiting.length, ...counts }),

    async dispose() {
      if (closing.signal.aborted) return
      closing.abort(disposed())
      for (const job of waiting) job.ended(disposed())
      waiting = []
      await loop
      for (const each of running) end(each, disposed())
      await decoder.dispose()
    },
  }
}
