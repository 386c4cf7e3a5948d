/**
 * Decoding by llama.cpp, as a process. Its argument is a JSON object with the path of a GGUF file for each format. Commands,
 * one a line: `open` and a work as JSON, `run`, `logits` and token ids as JSON; the answer is a line of JSON.
 */
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import type { DecodeFormat, Work } from '../decode-side.ts'
import { createDecoder, type Decoder } from './decoder.ts'
import { loadLlamaCpp } from './library.ts'
import { loadModel, type LlamaModel } from './model.ts'

const CAPACITY = 512
const files = JSON.parse(process.argv[2]!) as Partial<Record<DecodeFormat, string>>
const library = await loadLlamaCpp()
let model: { readonly format: DecodeFormat; readonly loaded: LlamaModel } | undefined
let decoder: Decoder | undefined
let job = (): void => {}

say({ 'llama.cpp': library.version, backend: library.variant })
for await (const line of createInterface({ input: process.stdin })) {
  const [, command, argument] = /^(\w+) ?(.*)$/.exec(line) ?? []
  if (command === 'open') say(open(JSON.parse(argument!) as Work))
  else if (command === 'run') say({ milliseconds: timed(job) })
  else if (command === 'logits') say(logits(JSON.parse(argument!) as number[]))
  else throw new Error(`unknown command '${line}'`)
}

/** Tries every way to set it up, and keeps the fastest. */
function open(work: Work): unknown {
  decoder?.dispose()
  decoder = undefined
  const loaded = load(work.format)
  let best = { milliseconds: Infinity, threads: 0, flashAttention: 'auto' as 'auto' | 'off' }
  for (const flashAttention of ['auto', 'off'] as const) {
    const trial = prepare(work, flashAttention)
    const once = jobOf(trial, work, 4)
    for (const threads of new Set([1, availableParallelism()])) {
      trial.setThreads(threads)
      once()
      const milliseconds = Math.min(timed(once), timed(once))
      if (milliseconds < best.milliseconds) best = { milliseconds, threads, flashAttention }
    }
    trial.dispose()
  }
  const { threads, flashAttention } = best
  decoder = prepare(work, flashAttention)
  decoder.setThreads(threads)
  job = jobOf(decoder, work)
  return { threads, flashAttention, ...loaded.description }
}

function load(format: DecodeFormat): LlamaModel {
  if (model?.format === format) return model.loaded
  model?.loaded.dispose()
  const path = files[format]
  if (path === undefined) throw new Error(`no file for ${format}`)
  model = { format, loaded: loadModel(library, path) }
  return model.loaded
}

function prepare(work: Work, flashAttention: 'auto' | 'off'): Decoder {
  const sequences = work.kind === 'decode' ? work.batch : 1
  const made = createDecoder(library, load(work.format), { sequences, capacity: CAPACITY, flashAttention })
  if (work.kind === 'decode') {
    made.readPrompt(promptOf(work.from))
    made.copyToAll()
  }
  return made
}

/** The work itself, or a shorter one of the same kind. */
function jobOf(on: Decoder, work: Work, atMost = Infinity): () => void {
  if (work.kind === 'decode') return () => on.decode(work.from, Math.min(work.steps, atMost))
  const prompt = promptOf(Math.min(work.tokens, 32 * atMost))
  return () => void on.readPrompt(prompt)
}

/** Ids from 3 on, all different in a prompt. */
function promptOf(length: number): Int32Array {
  const words = load(model!.format).vocabSize - 3
  return Int32Array.from({ length }, (_, i) => 3 + ((i * 7919) % words))
}

/** Of the token that comes after these. */
function logits(tokens: readonly number[]): number[] {
  load(Object.keys(files)[0] as DecodeFormat)
  const temporary = prepare({ kind: 'prefill', format: model!.format, tokens: tokens.length }, 'off')
  const values = Array.from(temporary.readPrompt(Int32Array.from(tokens)))
  temporary.dispose()
  return values
}

function timed(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
