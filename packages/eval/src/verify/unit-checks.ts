import { cutAtStops } from '../ask/cut-at-stops.ts'
import { encodePair } from '../ask/encode-pair.ts'
import { fitPrompt } from '../ask/fit-prompt.ts'
import { normalizeGenerationArguments, stopList } from '../ask/generation-arguments.ts'
import { rollingWindows } from '../ask/rolling-windows.ts'
import { applyFilter } from '../filters/apply-filters.ts'
import { codeSimilarity, levenshteinRatio } from '../metrics/code-similarity.ts'
import { classificationScore, countScore, retrievalScore } from '../metrics/longbench.ts'
import { qaF1 } from '../metrics/question-answering.ts'
import { rouge } from '../metrics/rouge.ts'
import { delimit } from '../prompts/delimit.ts'
import { pythonRandom } from '../python/random.ts'
import { capitalize } from '../python/text.ts'
import { combinedMean, pooledStandardError } from '../results/group-result.ts'
import { aggregations } from '../scores/aggregations.ts'
import { countBytes, countWords } from '../scores/count-units.ts'
import { exactMatch } from '../scores/exact-match.ts'
import { softmax } from '../scores/softmax.ts'
import { standardError } from '../scores/standard-error.ts'
import { withoutMarkup } from '../tasks/built-in/commonsense.ts'
import { detokenizeWikitext } from '../tasks/built-in/language.ts'
import { toyTokenizer } from './toy-tokenizer.ts'

/** Computes the outputs of a case, or a whole unit, anew from its inputs. */
export type Rebuild = (recorded: unknown) => unknown

/** The inputs that a rebuild takes are as the records have them. */
const from = <Inputs>(rebuild: (recorded: Inputs) => unknown): Rebuild => rebuild as Rebuild

interface Pair {
  readonly prediction: string
  readonly answer: string
}

/** Units that are lists of cases: the outputs of one case. */
export const caseChecks: Readonly<Record<string, Rebuild>> = {
  python_random: from<{ seed: string; then_randrange: unknown[] }>(({ seed, then_randrange: { length } }) => {
    const random = pythonRandom(BigInt(seed))
    const times = <T>(count: number, draw: () => T) => Array.from({ length: count }, draw)
    const bounds = [1, 2, 3, 10, 1000, 2 ** 20, 10 ** 12].slice(0, length)
    const shuffled = Array.from({ length: 9 }, (_, i) => i)
    const draws = {
      random: times(6, random.random),
      then_getrandbits32: times(3, () => Number(random.getrandbits(32))),
      then_randrange: bounds.map((bound) => random.randrange(bound)),
      then_choices_of_13: random.choices(
        Array.from({ length: 13 }, (_, i) => i),
        13,
      ),
    }
    random.shuffle(shuffled)
    return { ...draws, then_shuffle_of_9: shuffled }
  }),
  python_sample: from<{ seed: number; n: number; k: number; draws: unknown[] }>(({ seed, n, k, draws: { length } }) => {
    const random = pythonRandom(seed)
    return { draws: Array.from({ length }, () => random.sampleRange(n, k)) }
  }),
  aggregation: from<{ lls: number[]; acc: number[] }>((recorded) => {
    const { lls, acc } = recorded
    const named = (name: string, values: readonly number[], rounds = 1) => ({
      total: aggregations[name]?.(values),
      error: standardError(name, values, rounds),
    })
    const bootstrapped = Object.keys(recorded).flatMap((key) => {
      const [, name = '', rounds] = /^(perplexity|median)_stderr_(\d+)$/.exec(key) ?? []
      return rounds === undefined ? [] : [[key, named(name, lls, Number(rounds)).error]]
    })
    return {
      perplexity: named('perplexity', lls, 0).total,
      median: named('median', lls, 0).total,
      acc_mean: named('mean', acc).total,
      acc_mean_stderr: named('mean', acc).error,
      lls_mean_stderr: named('mean', lls).error,
      ...Object.fromEntries(bootstrapped),
    }
  }),
  groups: from<{ values: number[]; sizes: number[]; stderrs: number[] }>(({ values, sizes, stderrs }) => ({
    weighted: combinedMean(values, sizes),
    unweighted: combinedMean(
      values,
      sizes.map(() => 1),
    ),
    pooled_stderr: pooledStandardError(stderrs, sizes),
  })),
  weighted_perplexity: from<{ items: [number, number][] }>(({ items }) => ({
    weighted_perplexity: aggregations.weighted_perplexity?.(items),
    bits_per_byte: aggregations.bits_per_byte?.(items),
  })),
  exact_match: from<{ prediction: string; reference: string }>(({ prediction, reference }) => ({
    gsm8k: exactMatch(prediction, reference, {
      ignore_case: true,
      regexes_to_ignore: [',', String.raw`\$`, '(?s).*#### ', String.raw`\.$`],
    }),
    plain: exactMatch(prediction, reference),
    ignore_case: exactMatch(prediction, reference, { ignore_case: true }),
    ignore_punctuation: exactMatch(prediction, reference, { ignore_punctuation: true }),
    ignore_numbers: exactMatch(prediction, reference, { ignore_numbers: true }),
  })),
  rolling_windows: from<WindowInputs>((recorded) => {
    const { tokens, prefix: startToken, max_seq_len: maxLength, context_len: contextLength } = recorded
    const windows = rollingWindows(tokens, { startToken, maxLength, contextLength })
    return {
      windows: windows.map(({ context, continuation }) => [[...context, ...continuation.slice(0, -1)], continuation]),
      disjoint: windows.map(({ context, continuation }) => [context, continuation]),
    }
  }),
  stop: from<{ text: string; stop: string | string[] | null; think_end?: string }>(
    ({ text, stop, think_end: thinkEnd }) => ({
      out: cutAtStops(text, typeof stop === 'string' ? [stop] : (stop ?? []), thinkEnd),
    }),
  ),
  stop_list: from<{ until: string | string[] | null; eos: string | null }>(({ until, eos }) => ({
    out: stopList(until, eos),
  })),
  gen_kwargs: from<{ in: Record<string, unknown> }>(({ in: given }) => ({ out: normalizeGenerationArguments(given) })),
  truncate: from<TruncationInputs>((recorded) => {
    const { tokens: count, max_gen_toks, max_model_len, min_gen_toks: minTokens, side, shrink } = recorded
    const tokens = Array.from({ length: count }, (_, i) => i)
    const fitted = fitPrompt(tokens, max_gen_toks, max_model_len, { side, shrink, minTokens })
    return { out_tokens: fitted.tokens, out_max_gen_toks: fitted.maxTokens }
  }),
  delimit: from<{ prefix: string | null; suffix: string | null; delimiter: string }>((recorded) => ({
    out: delimit(recorded.prefix ?? undefined, recorded.suffix ?? undefined, recorded.delimiter),
  })),
  hellaswag_preprocess: from<{ in: string }>(({ in: text }) => ({ out: withoutMarkup(text) })),
  python_capitalize: from<{ in: string }>(({ in: text }) => ({ out: capitalize(text) })),
  wikitext_detokenize: from<{ in: string }>(({ in: text }) => ({ out: detokenizeWikitext(text) })),
  count_words: from<{ in: string }>(({ in: text }) => ({ words: countWords(text), bytes: countBytes(text) })),
  softmax: from<{ in: number[] }>(({ in: values }) => ({ out: softmax(values) })),
}

interface WindowInputs {
  readonly tokens: readonly number[]
  readonly prefix: number
  readonly max_seq_len: number
  readonly context_len: number
}

interface TruncationInputs {
  readonly tokens: number
  readonly max_gen_toks: number
  readonly max_model_len: number
  readonly min_gen_toks: number
  readonly side: 'left' | 'middle' | 'right'
  readonly shrink: boolean
}

interface EncodePairUnit {
  readonly pieces: readonly string[]
  readonly first_piece_id: number
  readonly prefix_token: number
  readonly pairs: readonly { readonly context: string; readonly continuation: string }[]
}

interface LongBenchUnit {
  readonly pairs: readonly (Pair & { readonly qa_f1?: number; readonly rouge_l_f?: number })[]
  readonly classification: readonly (Pair & { readonly all_classes: readonly string[] })[]
  readonly count: readonly Pair[]
  readonly retrieval: readonly Pair[]
}

/** Units that are lists of cases under several names, or lists with something in common. */
export const wholeChecks: Readonly<Record<string, Rebuild>> = {
  regex_filters: from<{ inputs: string[]; filters: Record<string, { args: object }> }>(({ inputs, filters }) => {
    const filtered = Object.entries(filters).map(([name, { args }]) => {
      const steps = [{ function: 'regex', ...args }]
      return [name, { args, out: applyFilter({ name, filter: steps }, inputs, {}, {}) }]
    })
    return { inputs, filters: Object.fromEntries(filtered) }
  }),
  encode_pair: from<EncodePairUnit>(async (recorded) => {
    const { pieces, first_piece_id: firstId, prefix_token: startToken, pairs } = recorded
    const encode = toyTokenizer(pieces, firstId)
    const tokens = {
      startToken,
      encode: async (text: string) => encode(text),
      encodePlain: async (text: string) => encode(text),
    }
    const encoded = pairs.map(async ({ context, continuation }) => {
      const pair = await encodePair(tokens, context, continuation)
      return { context, continuation, context_tokens: pair.context, continuation_tokens: pair.continuation }
    })
    return { ...recorded, pairs: await Promise.all(encoded) }
  }),
  longbench: from<LongBenchUnit>(({ pairs, classification, count, retrieval }) => {
    const scored = <C extends Pair>(cases: readonly C[], score: (recorded: C) => number) =>
      cases.map((recorded) => ({ ...recorded, score: score(recorded) }))
    return {
      pairs: pairs.map((recorded) => {
        const { prediction, answer } = recorded
        return {
          prediction,
          answer,
          ...('qa_f1' in recorded && { qa_f1: qaF1(prediction, answer) }),
          ...('rouge_l_f' in recorded && { rouge_l_f: rouge(prediction, answer)?.rougeL.f ?? 0 }),
          code_sim: codeSimilarity(prediction, answer),
          code_sim_levenshtein: codeSimilarity(prediction, answer, levenshteinRatio),
        }
      }),
      classification: scored(classification, (recorded) =>
        classificationScore(recorded.prediction, recorded.answer, recorded.all_classes),
      ),
      count: scored(count, (recorded) => countScore(recorded.prediction, recorded.answer)),
      retrieval: scored(retrieval, (recorded) => retrievalScore(recorded.prediction, recorded.answer)),
    }
  }),
}
