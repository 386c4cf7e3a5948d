import { availableParallelism } from 'node:os'
import koffi from 'koffi'
import { StemkitError } from '@stemkit/spec/errors'
import { createTokenBatch, type TokenBatch } from './batch.ts'
import type { LlamaCpp, Pointer } from './library.ts'
import type { LlamaModel } from './model.ts'

export interface DecoderOptions {
  readonly sequences: number
  /** Tokens for which each sequence has room. */
  readonly capacity: number
  /** `auto` is llama.cpp's own choice. */
  readonly flashAttention: 'auto' | 'off'
}

export interface Decoder {
  /**
   * Forgets everything, then reads tokens into the first sequence. Returns the logits after the last one, which the next
   * call overwrites.
   */
  readPrompt(tokens: Int32Array): Float32Array
  /** Gives every sequence the keys and values of the first. */
  copyToAll(): void
  /** `steps` greedy tokens for every sequence, after its first `from` tokens; what came after these is forgotten. */
  decode(from: number, steps: number): void
  setThreads(threads: number): void
  dispose(): void
}

/** A context of llama.cpp, in which each sequence has keys and values of its own, in f16 (the default). */
export function createDecoder({ api }: LlamaCpp, model: LlamaModel, options: DecoderOptions): Decoder {
  const { sequences, capacity, flashAttention } = options
  const context = api.llama_init_from_model(model.pointer, {
    ...(api.llama_context_default_params() as object),
    n_ctx: capacity * sequences,
    n_batch: capacity,
    n_ubatch: capacity,
    n_seq_max: sequences,
    n_outputs_max: sequences,
    kv_unified: false,
    flash_attn_type: flashAttention === 'auto' ? -1 : 0,
  }) as Pointer | null
  if (context === null) throw new StemkitError('unsupported', 'llama.cpp cannot make a context')
  const memory = api.llama_get_memory(context) as Pointer
  const prompt = createTokenBatch(capacity)
  const step = createTokenBatch(sequences)
  step.wanted.fill(1)
  for (let i = 0; i < sequences; i++) step.sequences[i] = i
  const logits = sharedFloats()

  /** The logits [outputs, V]. */
  const run = (batch: TokenBatch, count: number, outputs: number): Float32Array => {
    const status = api.llama_decode(context, batch.first(count)) as number
    if (status !== 0) throw new StemkitError('bad-input', `llama.cpp: llama_decode gave ${status}`)
    return logits(api.llama_get_logits(context) as Pointer, outputs * model.vocabSize)
  }

  const pools = new Map<number, Pointer>()
  const createPool = (threads: number): Pointer => {
    const params = Buffer.alloc(1024) // more than the structure has
    api.ggml_threadpool_params_init(params, threads)
    const pool = api.ggml_threadpool_new(params) as Pointer
    pools.set(threads, pool)
    return pool
  }
  // Without a pool, threads are made anew for every token. One that was replaced is still paused later, so all stay.
  const setThreads = (threads: number): void => {
    const pool = pools.get(threads) ?? createPool(threads)
    api.llama_attach_threadpool(context, pool, pool)
    api.llama_set_n_threads(context, threads, threads)
  }
  setThreads(availableParallelism())

  return {
    setThreads,
    readPrompt(tokens) {
      api.llama_memory_clear(memory, false)
      prompt.tokens.set(tokens)
      for (let i = 0; i < tokens.length; i++) prompt.positions[i] = i
      prompt.wanted.fill(0)
      prompt.wanted[tokens.length - 1] = 1
      return run(prompt, tokens.length, 1)
    },
    copyToAll() {
      for (let i = 1; i < sequences; i++) api.llama_memory_seq_cp(memory, 0, i, -1, -1)
    },
    decode(from, steps) {
      for (let i = 0; i < sequences; i++) {
        api.llama_memory_seq_rm(memory, i, from, -1)
        step.tokens[i] = 3 + i // so that equal sequences go different ways
      }
      for (let at = from; at < from + steps; at++) {
        step.positions.fill(at)
        const rows = run(step, sequences, sequences)
        for (let i = 0; i < sequences; i++) step.tokens[i] = argmax(rows, i * model.vocabSize, model.vocabSize)
      }
    },
    dispose() {
      api.llama_free(context)
      for (const pool of pools.values()) api.ggml_threadpool_free(pool)
    },
  }
}

/** Floats in the library's memory; the view is made again only where they have moved or are more. */
function sharedFloats(): (at: Pointer, length: number) => Float32Array {
  let [seen, floats] = [0n, new Float32Array(0)]
  return (at, length) => {
    if (at !== seen || floats.length !== length) floats = new Float32Array(koffi.view(at, 4 * length))
    seen = at
    return floats
  }
}

function argmax(values: Float32Array, from: number, length: number): number {
  let best = from
  for (let i = from + 1; i < from + length; i++) if (values[i]! > values[best]!) best = i
  return best - from
}
