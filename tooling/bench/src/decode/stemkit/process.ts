/**
 * Decoding by stemkit, as a process. Its argument is the name of a twin. Commands, one a line: `open` and a work as JSON, `run`;
 * the answer is a line of JSON.
 */
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { argmax, type Decoder } from '@stemkit/generate'
import type { DecodeFormat, Work } from '../decode-side.ts'
import { TWINS } from '../twin.ts'
import { makeModel, openDecoder, stepBytes, type BenchModel } from './model.ts'

const config = TWINS[process.argv[2] as keyof typeof TWINS]
const threads = availableParallelism()
let model: { readonly format: DecodeFormat; readonly made: BenchModel } | undefined
let decoder: Decoder | undefined
let job = async (): Promise<void> => {}

say({ stemkit: `ONNX Runtime, ${process.argv[2]}` })
for await (const line of createInterface({ input: process.stdin })) {
  const [, command, argument] = /^(\w+) ?(.*)$/.exec(line) ?? []
  if (command === 'open') say(await open(JSON.parse(argument!) as Work))
  else if (command === 'run') say({ milliseconds: await timed(job) })
  else throw new Error(`unknown command '${line}'`)
}

async function open(work: Work): Promise<unknown> {
  const slots = work.kind === 'decode' ? work.batch : 1
  if (decoder?.slots !== slots || model?.format !== work.format) {
    await decoder?.dispose()
    if (model?.format !== work.format) model = { format: work.format, made: makeModel(config, work.format) }
    decoder = await openDecoder(model.made, { slots, threads })
  }
  job = work.kind === 'decode' ? decodeJob(decoder, work) : prefillJob(decoder, work.tokens)
  if (work.kind === 'prefill') return { threads }
  await decoder.run([{ slot: 0, start: 0, ids: promptOf(work.from), asked: 'none' }])
  for (let slot = 1; slot < slots; slot++) decoder.copy(0, slot, work.from)
  await job()
  return { threads, bytesPerStep: stepBytes(model.made, { batch: slots, cached: work.from + work.steps / 2 }) }
}

/** Greedy steps of all sequences from the end of their prompts, rows gathered and the likeliest token chosen for each. */
function decodeJob(on: Decoder, { batch, from, steps }: Extract<Work, { kind: 'decode' }>): () => Promise<void> {
  return async () => {
    let tokens = Array.from({ length: batch }, (_, slot) => 3 + slot)
    for (let step = 0; step < steps; step++) {
      const chunks = tokens.map((token, slot) => ({
        slot,
        start: from + step,
        ids: Int32Array.of(token),
        asked: 'last' as const,
      }))
      tokens = (await on.run(chunks)).map(argmax)
    }
  }
}

function prefillJob(on: Decoder, length: number): () => Promise<void> {
  const ids = promptOf(length)
  return async () => {
    const [logits] = await on.run([{ slot: 0, start: 0, ids, asked: 'last' }])
    argmax(logits!)
  }
}

/** Ids from 3 on, all different in a prompt. */
function promptOf(length: number): Int32Array {
  return Int32Array.from({ length }, (_, i) => 3 + ((i * 7919) % (config.vocabSize - 3)))
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
