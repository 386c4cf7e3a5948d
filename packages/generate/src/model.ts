import type { Arrays, Engine, Program } from '@stemkit/compile'
import { checkBatch, listWeights, tokenExperts } from '@stemkit/model'
import type { CustomFeedForwards, ModelConfig, NamedArray } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import type { RowStore } from '@stemkit/store'
import { forwardInputs, logitsGraph, scoreGraph, scoreInputs } from './forward.ts'
import { startGeneration, type GenerateOptions, type Generation } from './generation.ts'
import { createSerial } from './serial.ts'
import { openTableRows } from './table-rows.ts'

export interface CreateModelOptions {
  readonly config: ModelConfig
  /** Every weight in full, as `listWeights` names them. The arrays are used as they are, not copied. */
  readonly weights: ReadonlyMap<string, NamedArray>
  /**
   * Rows of the tables, one layer for each in the order of `listWeights`, instead of tables among the weights. The model
   * owns it from now on.
   */
  readonly rows?: RowStore | undefined
  /** Without one, prompts are token ids and pieces have no text. */
  readonly tokenizer?: Tokenizer | undefined
  readonly engine: Engine
  /** Feed-forwards of your own. */
  readonly custom?: CustomFeedForwards | undefined
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ScoreOptions extends RunOptions {
  /** The first token to score, at least 1. Default 1: all that have a token before them. */
  readonly from?: number | undefined
}

/** One entry per scored token. */
export interface Scores {
  /** ln of the probability of each token after the tokens before it. */
  readonly logprobs: Float64Array
  /** The likeliest token at each of these places. */
  readonly best: Int32Array
}

/** A model that runs. Calls may overlap; they take turns. */
export interface Model {
  readonly config: ModelConfig
  readonly weights: ReadonlyMap<string, NamedArray>
  /** Where its tables are, if not among the weights. */
  readonly rows: RowStore | undefined
  readonly tokenizer: Tokenizer | undefined
  /** Continues a text or token ids; see `startGeneration` for what is thrown. */
  generate(prompt: string | readonly number[], options?: GenerateOptions): Generation
  /** How likely the tokens are. @throws bad-input for ids out of range, too many of them, or a `from` out of range */
  score(tokens: readonly number[], options?: ScoreOptions): Promise<Scores>
  /** What may follow each of the tokens [T, V]. @throws as `score` */
  logits(tokens: readonly number[], options?: RunOptions): Promise<Float32Array>
  dispose(): Promise<void>
}

/**
 * A model of weights in memory, on an engine: `compiledEngine(runtime)` of `@stemkit/compile`, or `eagerEngine()`.
 * Every new token is a pass over all tokens so far.
 * @throws bad-input naming a weight that is missing or has another shape than the config says
 */
export async function createModel(options: CreateModelOptions): Promise<Model> {
  const { config, weights, engine, custom } = options
  checkWeights(options)
  const parameters: Arrays = {}
  for (const [name, { role }] of listWeights(config, custom)) {
    if (role !== 'table') parameters[name] = weights.get(name)!.data
  }
  const rows = openTableRows(options)
  const inTurn = createSerial()
  const programs: { forward: Program; score?: Program } = {
    forward: await engine.load(logitsGraph(options), forwardInputs(options)),
  }
  let disposed = false

  /** Runs a program over a whole sequence; `asked`: what else it takes. */
  const run = (
    kind: keyof typeof programs,
    ids: Int32Array,
    asked: Arrays,
    signal: AbortSignal | undefined,
  ): Promise<Arrays> =>
    inTurn(async () => {
      signal?.throwIfAborted()
      if (disposed) throw new StemkitError('bad-input', 'the model was disposed; load it again')
      const { inverse, blocks } = await rows.gather(ids, signal)
      const program = (programs[kind] ??= await engine.load(scoreGraph(options), scoreInputs(options)))
      const positions = ids.map((_, i) => i)
      const feeds = {
        ids,
        positions,
        inverse,
        tokenExperts: tokenExperts(config, ids),
        ...asked,
        ...blocks,
        ...parameters,
      }
      return program.run(feeds, signal ? { signal } : {})
    })
  const check = (inputIds: readonly number[], targets?: readonly number[]): void =>
    checkBatch(config, { size: 1, length: inputIds.length, inputIds, ...(targets ? { targets } : {}) })
  const logitsAt = async (ids: Int32Array, at: Int32Array, signal?: AbortSignal): Promise<Float32Array> => {
    const { logits } = await run('forward', ids, { at }, signal)
    return logits as Float32Array
  }

  return {
    config,
    weights,
    rows: options.rows,
    tokenizer: options.tokenizer,

    generate(prompt, generateOptions) {
      const { tokenizer } = options
      const { maxLength, vocabSize } = config
      // A head may have more rows than there are tokens: its size is often rounded up.
      const known = Math.min(vocabSize, tokenizer?.vocabSize ?? vocabSize)
      const next = async (ids: Int32Array, signal?: AbortSignal): Promise<Float32Array> =>
        (await logitsAt(ids, Int32Array.of(ids.length - 1), signal)).subarray(0, known)
      return startGeneration({ maxLength, tokenizer, check, next }, prompt, generateOptions)
    },

    async score(tokens, { from = 1, signal } = {}) {
      if (!Number.isInteger(from) || from < 1 || from > tokens.length) {
        throw new StemkitError(
          'bad-input',
          `score: from is ${from}, but must be in 1..${tokens.length}, the number of tokens`,
        )
      }
      // The last token is not read, only foretold, so one more than the model's length is all right.
      check(tokens.slice(0, -1), tokens.slice(1))
      const ids = Int32Array.from(tokens.slice(0, -1))
      const targets = Int32Array.from(tokens.slice(from))
      if (targets.length === 0) return { logprobs: new Float64Array(0), best: new Int32Array(0) }
      const at = targets.map((_, i) => from - 1 + i)
      const { logprobs, best } = await run('score', ids, { at, targets }, signal)
      return { logprobs: Float64Array.from(logprobs!), best: best as Int32Array }
    },

    async logits(tokens, { signal } = {}) {
      if (tokens.length === 0) return new Float32Array(0)
      check(tokens)
      const ids = Int32Array.from(tokens)
      return logitsAt(
        ids,
        ids.map((_, i) => i),
        signal,
      )
    },

    async dispose() {
      if (disposed) return
      disposed = true
      await inTurn(async () => {
        await programs.forward.dispose()
        await programs.score?.dispose()
        await rows.dispose()
      })
    },
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
  }
}
