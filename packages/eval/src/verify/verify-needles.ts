import { generateNeedles } from '../needle/generate.ts'
import type { Haystack, NeedleKind } from '../needle/question.ts'
import { wordList } from '../needle/words.ts'
import { pythonRandom } from '../python/random.ts'
import { splitWords } from '../python/text.ts'
import { differences, type Mismatch } from './compare.ts'
import { failure } from './failure.ts'
import type { VerifiedTask } from './verify-record.ts'

/** What the needle generator of the harness made; its tokens are words. */
export interface NeedlesRecord {
  readonly words: readonly string[]
  readonly essay_words: readonly string[]
  readonly cases: readonly NeedlesCase[]
}

interface NeedlesCase {
  readonly seed: number
  readonly args: NeedleArguments
  readonly rows: unknown
  /** The next draw of the generator. */
  readonly random_after: number
}

interface NeedleArguments {
  readonly type_haystack: Haystack
  readonly max_seq_length: number
  readonly type_needle_k: NeedleKind
  readonly type_needle_v: NeedleKind
  readonly num_samples: number
  readonly num_needle_k?: number
  readonly num_needle_v?: number
  readonly num_needle_q?: number
  readonly tokens_to_generate?: number
}

export const isNeedlesRecord = (value: unknown): value is NeedlesRecord =>
  typeof value === 'object' && value !== null && 'words' in value && 'essay_words' in value && 'cases' in value

/** Makes the rows of every case anew and compares. */
export async function verifyNeedles(record: NeedlesRecord): Promise<VerifiedTask[]> {
  const verified: VerifiedTask[] = []
  for (const recorded of record.cases) {
    const mismatches = await verifyCase(record, recorded).catch((error: unknown) => [failure('case', error)])
    verified.push({ name: `needles.${verified.length}`, fewshot: null, ok: mismatches.length === 0, mismatches })
  }
  return verified
}

async function verifyCase({ words, essay_words: essay }: NeedlesRecord, recorded: NeedlesCase): Promise<Mismatch[]> {
  const { seed, args, rows, random_after: after } = recorded
  const random = pythonRandom(seed)
  const made = await generateNeedles({
    haystack: args.type_haystack,
    keys: args.type_needle_k,
    values: args.type_needle_v,
    keyCount: args.num_needle_k ?? 1,
    valueCount: args.num_needle_v ?? 1,
    queryCount: args.num_needle_q ?? 1,
    answerTokens: args.tokens_to_generate ?? 128,
    maxLength: args.max_seq_length,
    count: args.num_samples,
    countTokens: (text) => splitWords(text).length,
    random,
    words: wordList(words),
    essay,
  })
  return differences('', { rows, after }, { rows: made, after: random.random() })
}
