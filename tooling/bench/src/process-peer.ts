import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { peakMemory } from './memory.ts'
import type { Side } from './timing.ts'

export interface PeerStep {
  /** By the peer's own clock. */
  readonly milliseconds: number
  readonly loss: number
  /** Before clipping. */
  readonly gradNorm: number
  /** Bytes copied between buffers beside the computation, where the peer counts them. */
  readonly bytesCopied?: number
  /** Tracing and session creation within this step, where the peer compiles. */
  readonly compileSeconds?: number
}

/** A process that trains a model, one step at a time, when asked. */
export interface Peer extends Side {
  /** What the process says about itself when it is ready: versions, threads, libraries. */
  readonly description: Readonly<Record<string, unknown>>
  readonly pid: number
  /** One training step on the next batch. */
  step(learningRate?: number): Promise<PeerStep>
  /** One step, in milliseconds. */
  run(): Promise<number>
  /** Sends a command of the peer's own; the answer is what it prints. */
  ask<T>(command: string): Promise<T>
  /** GFLOP/s that one large matrix product reaches. */
  gflops(): Promise<number>
  /** Most anonymous memory held during one more step, in bytes. */
  memory(): Promise<number | undefined>
  /** Stops the process where it is: idle threads may spin. */
  pause(): void
  resume(): void
  /** Ends the process, paused or not. */
  dispose(): Promise<void>
}

export interface PeerOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The error for a process that ended: `failure` if it could not be run at all, `complaint` what it wrote to stderr. */
  readonly explain: (failure: Error | undefined, complaint: string) => Error
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts a process that takes the commands `step [learning rate]` and `product`, one a line, answers each with a line of
 * JSON, and says a first line when it is ready.
 */
export async function startPeer({ command, args, env, explain, signal }: PeerOptions): Promise<Peer> {
  signal?.throwIfAborted()
  const child = spawn(command, args, { env, stdio: 'pipe' })
  // SIGKILL is the only signal that reaches a stopped process.
  const kill = (): void => void child.kill('SIGKILL')
  signal?.addEventListener('abort', kill)
  process.once('exit', kill)

  let [complaint, failure] = ['', undefined as Error | undefined]
  child.stderr.on('data', (text: Buffer) => (complaint = (complaint + String(text)).slice(-4000)))
  child.stdin.on('error', () => {}) // the answer that does not come says it
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => (failure = error))
    child.once('close', () => {
      signal?.removeEventListener('abort', kill)
      process.removeListener('exit', kill)
      resolve()
    })
  })

  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<unknown> => {
    const { value, done } = await answers.next()
    if (!done) return JSON.parse(value)
    await ended
    signal?.throwIfAborted()
    throw explain(failure, complaint)
  }
  const ask = (line: string): Promise<unknown> => {
    child.stdin.write(`${line}\n`)
    return answer()
  }

  const description = (await answer()) as Record<string, unknown>
  const step = async (learningRate?: number): Promise<PeerStep> =>
    (await ask(learningRate === undefined ? 'step' : `step ${learningRate}`)) as PeerStep
  return {
    description,
    pid: child.pid!,
    step,
    ask: (line) => ask(line) as Promise<never>,
    run: async () => (await step()).milliseconds,
    gflops: async () => ((await ask('product')) as { gflops: number }).gflops,
    memory: () => peakMemory(child.pid!, step),
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async dispose() {
      kill()
      await ended
    },
  }
}
