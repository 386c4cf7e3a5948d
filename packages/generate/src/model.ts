import type { Engine, HalfArray } from '@stemkit/compile'
import { checkBatch, listWeights, type CustomFeedForwards, type ModelConfig, type NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { PackedMatrix } from '@stemkit/spec/packed-matrix'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowStore } from '@stemkit/store'
import { createDecoder, type StepThreadsOptions } from './decoder/create-decoder.ts'
import type { Decoder } from './decoder/decoder.ts'
import type { KvScales } from './decoder/kv-cache.ts'
import { measureKvScales } from './decoder/kv-scales.ts'
import { startGeneration, type GenerateOptions, type Generation, type TableOptions } from './generation.ts'
import { startsOf } from './prompt.ts'
import { createRequestRows, type OpenOverlay } from './rows/request-rows.ts'
import { createScheduler } from './scheduler/scheduler.ts'
import { checkScoreOptions, readLogits, scoreTokens, type ScoreOptions, type Scores } from './scoring.ts'
import { openTableRows, type TableRows } from './table-rows.ts'
import type { ModelStats, StoreUse } from './usage.ts'

export const KV_CACHE_TYPES = ['f32', 'int8'] as const
export type KvCacheType = (typeof KV_CACHE_TYPES)[number]

/** How requests share a model. */
export interface ServingOptions {
  /** Sequences that are in work at once, the others wait; each has memory for keys and values. Default 4. */
  readonly slots?: number | undefined
  /** Tokens that a sequence may have, prompt and all. Default, and at most, what the model allows. */
  readonly context?: number | undefined
  /** Tokens of prompts that are read between two steps of those that are being continued: how long these may have to wait. Default 64. */
  readonly prefillChunk?: number | undefined
  /**
   * Gives a request bit-identical answers whatever else is running, at some cost: every step computes all slots, and the
   * model does not guess. Default false: answers differ by rounding, 1e-6 or so.
   */
  readonly deterministic?: boolean | undefined
  /**
   * How keys and values are kept. In int8 they take a quarter of the memory, beside that of one slot in full, and attention about half the time; answers differ a
   * little (see `measureKvScales`), and loading takes a few steps more. Default 'f32'.
   */
  readonly kvCache?: KvCacheType | undefined
  /** Guesses from the text what comes next and checks several tokens at once, where that pays; the answer is the same. Default true. */
  readonly speculate?: boolean | undefined
}

/** The rows of a table as BF16, by their bits. */
export interface Bfloat16Table {
  readonly dtype: 'bf16'
  readonly shape: readonly number[]
  readonly data: Uint16Array
}

/**
 * Floats; those of half precision as bits; or a matrix packed in 4 or 8 bits, which stays packed while it is computed with. Tables
 * may be BF16, too, and are not packed.
 */
export type ModelWeight = NamedArray | HalfArray | Bfloat16Table | PackedMatrix

/** What a decoder is made of. */
export interface DecoderParts {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, ModelWeight>
  readonly custom?: CustomFeedForwards | undefined
  /** The model's own tables. */
  readonly rows: TableRows
  readonly slots: number
  readonly maxLength: number
  readonly deterministic: boolean
  readonly kvScales?: KvScales | undefined
}

export interface CreateModelOptions extends ServingOptions {
  readonly config: ModelConfig
  /** Every weight in full, as `listWeights` names them. The arrays are used as they are, not copied. */
  readonly weights: ReadonlyMap<string, ModelWeight>
  /**
   * Rows of the tables, one layer for each in the order of `listWeights`, instead of tables among the weights. The model
   * owns it from now on.
   */
  readonly rows?: RowStore | undefined
  /** Opens overlays over these rows for requests that name some. */
  readonly openOverlay?: OpenOverlay | undefined
  /** Without one, prompts are token ids and pieces have no text. */
  readonly tokenizer?: Tokenizer | undefined
  readonly engine: Engine
  /** Makes what computes, instead of `createDecoder`. */
  readonly openDecoder?: ((parts: DecoderParts) => Promise<Decoder>) | undefined
  /** Feed-forwards of your own. */
  readonly custom?: CustomFeedForwards | undefined
  /**
   * Threads of the model's own for steps of few tokens, which matrices of 4, 8 or 16 bits are faster by: see `createDecoder`. Default:
   * the engine computes everything.
   */
  readonly stepThreads?: StepThreadsOptions | undefined
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
}

/** A model that runs. Calls may overlap: they share its steps. */
export interface Model {
  readonly config: ModelConfig
  /** Tokens that a sequence may have, prompt and all. */
  readonly maxLength: number
  readonly weights: ReadonlyMap<string, ModelWeight>
  /** Where its tables are, if not among the weights. */
  readonly rows: RowStore | undefined
  /** Its own table and version; undefined for tables without versions. */
  readonly tables: string | undefined
  readonly tokenizer: Tokenizer | undefined
  readonly kvCache: KvCacheType
  /** Continues a text or token ids; see `startGeneration` for what is thrown. */
  generate(prompt: string | readonly number[], options?: GenerateOptions): Generation
  /** How likely the tokens are. @throws bad-input for ids out of range, too many of them, or a `from` out of range */
  score(tokens: readonly number[], options?: ScoreOptions): Promise<Scores>
  /** What may follow each of the tokens [T, V]. @throws as `score` */
  logits(tokens: readonly number[], options?: RunOptions & TableOptions): Promise<Float32Array>
  stats(): ModelStats
  /**
   * Forgets what was computed from the rows of these tokens, so that nothing new starts from it: for those who change
   * rows under the model. Without tokens, all.
   */
  forget(tokens?: Iterable<number>): void
  dispose(): Promise<void>
}

/**
 * A model of weights in memory, on an engine: `compiledEngine(runtime)` of `@stemkit/compile`, or `eagerEngine()`.
 * @throws bad-input naming a weight that is missing or has another shape than the config says, or an option out of range
 */
export async function createModel(options: CreateModelOptions): Promise<Model> {
  const { config, weights, tokenizer } = options
  checkWeights(options)
  const serving = checkServing(options)
  const own = openTableRows(options)
  const requestRows = createRequestRows(options, own)
  const { engine, custom, openDecoder } = options
  const { slots, context, deterministic, kvCache } = serving
  const shared = { config, weights, custom, rows: own, maxLength: context }
  const spoken = { start: startsOf(tokenizer), vocabSize: tokenizer?.vocabSize }
  const kvScales = kvCache === 'int8' ? await measureKvScales({ ...shared, ...spoken, engine }) : undefined
  const parts = { ...shared, slots, deterministic, kvScales }
  const decoder = await (openDecoder?.(parts) ?? createDecoder({ ...parts, engine, stepThreads: options.stepThreads }))
  const scheduler = createScheduler({ decoder, ...serving })
  const { maxLength } = decoder

  const check = (inputIds: readonly number[], targets?: readonly number[]): void =>
    checkBatch(
      { ...config, maxLength },
      { size: 1, length: inputIds.length, inputIds, ...(targets ? { targets } : {}) },
    )

  return {
    config,
    maxLength,
    weights,
    rows: options.rows,
    get tables() {
      return own.name
    },
    tokenizer,
    kvCache,

    generate(prompt, generateOptions) {
      // A head may have more rows than there are tokens: its size is often rounded up.
      const vocabSize = Math.min(config.vocabSize, tokenizer?.vocabSize ?? config.vocabSize)
      const generator = { maxLength, tokenizer, check, vocabSize, scheduler, rowsOf: requestRows.rowsOf }
      return startGeneration(generator, prompt, generateOptions)
    },

    async score(tokens, scoreOptions = {}) {
      checkScoreOptions(tokens, scoreOptions)
      // The last token is not read, only foretold, so one more than the model's length is all right.
      check(tokens.slice(0, -1), tokens.slice(1))
      scoreOptions.signal?.throwIfAborted()
      const rows = await requestRows.rowsOf(scoreOptions)
      return scoreTokens(scheduler, rows, tokens, scoreOptions)
    },

    async logits(tokens, logitsOptions = {}) {
      if (tokens.length === 0) return new Float32Array(0)
      check(tokens)
      const all = new Float32Array(tokens.length * config.vocabSize)
      const take = (logits: Float32Array, at: number): void => all.set(logits, at * config.vocabSize)
      const { signal } = logitsOptions
      signal?.throwIfAborted()
      const rows = await requestRows.rowsOf(logitsOptions)
      await readLogits(scheduler, rows, { tokens, firstAsked: 0 }, take, signal)
      return all
    },

    stats: () => ({ ...scheduler.stats(), store: options.rows && storeUse(options.rows) }),
    forget: (tokens) => scheduler.forget(tokens),

    async dispose() {
      await scheduler.dispose()
      await requestRows.dispose()
      await own.dispose()
    },
  }
}

function storeUse(store: RowStore): StoreUse {
  const { bytesRead, cache } = store.stats()
  return { hitRate: cache?.hitRate, bytesRead, stalls: cache?.waits ?? 0, stalledMs: cache?.waitedMs ?? 0 }
}

function checkServing(options: CreateModelOptions): { [K in keyof ServingOptions]-?: NonNullable<ServingOptions[K]> } {
  const { maxLength } = options.config
  const deterministic = options.deterministic ?? false
  const slots = options.slots ?? 4
  const context = options.context ?? maxLength
  const prefillChunk = options.prefillChunk ?? 64
  const kvCache = options.kvCache ?? 'f32'
  const require = (sound: boolean, name: string, found: number, range: string): void => {
    if (!sound) throw new StemkitError('bad-input', `model: ${name} is ${found}, but must be ${range}`)
  }
  require(Number.isInteger(slots) && slots >= 1, 'slots', slots, 'a whole number, 1 or more')
  require(Number.isInteger(context) && context >= 1 && context <= maxLength, 'context', context, `in 1..${maxLength}`)
  require(Number.isInteger(prefillChunk) &&
    prefillChunk >= 1, 'prefillChunk', prefillChunk, 'a whole number, 1 or more')
  if (!KV_CACHE_TYPES.includes(kvCache)) {
    throw new StemkitError('bad-input', `model: kvCache is '${kvCache as string}', but must be f32 or int8`)
  }
  return {
    // One row alone takes another way through a product than one of many.
    slots: deterministic ? Math.max(2, slots) : slots,
    context,
    prefillChunk,
    deterministic,
    speculate: options.speculate ?? true,
    kvCache,
  }
}

function checkWeights({ config, weights, custom, rows }: CreateModelOptions): void {
  for (const [name, { shape, role }] of listWeights(config, custom)) {
    if (rows && role === 'table') continue
    const found = weights.get(name)
    if (!found) throw new StemkitError('bad-input', `model: the weights have no '${name}', which the config asks for`)
    if (found.shape.join() !== shape.join()) {
      throw new StemkitError(
        'bad-input',
        `model: '${name}' is [${found.shape.join(', ')}], but by the config [${shape.join(', ')}]`,
      )
    }
    if ('dtype' in found && role !== 'table') {
      throw new StemkitError('bad-input', `model: '${name}' is bf16, as only tables may be; widen it to float32`)
    }
    if ('bits' in found && role === 'table') {
      throw new StemkitError('bad-input', `model: the table '${name}' is packed; give it as float32, float16 or bf16`)
    }
  }
}
