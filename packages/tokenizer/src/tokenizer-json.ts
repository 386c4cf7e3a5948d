import { StemkitError } from '@stemkit/spec/errors'

/** A token outside the model's own vocabulary, or one with a role. */
export interface AddedTokenJson {
  readonly id: number
  readonly content: string
  readonly special?: boolean
  readonly single_word?: boolean
  readonly lstrip?: boolean
  readonly rstrip?: boolean
  readonly normalized?: boolean
}

/** One stage of a tokenizer.json: its `type` and whatever that type needs. */
export interface StageJson {
  readonly type: string
  readonly [key: string]: unknown
}

/** A tokenizer.json of the Hugging Face `tokenizers` library, with every stage present. */
export interface TokenizerJson {
  readonly version?: string
  readonly added_tokens: readonly AddedTokenJson[]
  readonly normalizer: StageJson | null
  readonly pre_tokenizer: StageJson | null
  readonly post_processor: StageJson | null
  readonly decoder: StageJson | null
  readonly model: StageJson
  readonly [key: string]: unknown
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const refuse = (what: string): never => {
  throw new StemkitError('bad-input', `Not a tokenizer.json: ${what}; give the parsed file of a Hugging Face tokenizer`)
}

const stage = (source: Record<string, unknown>, name: string): StageJson | null => {
  const value = source[name] ?? null
  if (value === null) return null
  if (!isObject(value) || typeof value['type'] !== 'string') return refuse(`its ${name} has no type`)
  return value as StageJson
}

const isAddedToken = (value: unknown): value is AddedTokenJson =>
  isObject(value) &&
  Number.isInteger(value['id']) &&
  (value['id'] as number) >= 0 &&
  typeof value['content'] === 'string'

/** Old files leave out the type of the model; what it holds tells. */
const model = (source: Record<string, unknown>): StageJson => {
  const value = source['model']
  if (!isObject(value)) return refuse('it has no model')
  if (!isObject(value['vocab']) && !Array.isArray(value['vocab'])) return refuse('its model has no vocab')
  const merges = value['merges']
  const type = value['type'] ?? (merges === undefined ? undefined : 'BPE')
  if (typeof type !== 'string') return refuse('its model has no type')
  if (type === 'BPE' && !Array.isArray(merges)) return refuse('its BPE model has no merges')
  return { ...value, type }
}

/**
 * Checks the parts of a parsed tokenizer.json that everything relies on, and fills in what old files leave out.
 * Throws `bad-input` naming the part.
 */
export const parseTokenizerJson = (source: unknown): TokenizerJson => {
  if (!isObject(source)) return refuse('it is not an object')
  const added = source['added_tokens'] ?? []
  if (!Array.isArray(added) || !added.every(isAddedToken)) return refuse('an entry of added_tokens lacks id or content')
  return {
    ...source,
    added_tokens: added,
    normalizer: stage(source, 'normalizer'),
    pre_tokenizer: stage(source, 'pre_tokenizer'),
    post_processor: stage(source, 'post_processor'),
    decoder: stage(source, 'decoder'),
    model: model(source),
  }
}

/** The stage itself, or the stages of a `Sequence`. */
export const stagesOf = (
  stageOrSequence: StageJson | null,
  key: 'pretokenizers' | 'normalizers' | 'decoders' | 'processors',
): readonly StageJson[] => {
  if (stageOrSequence === null) return []
  return stageOrSequence.type === 'Sequence' ? ((stageOrSequence[key] ?? []) as StageJson[]) : [stageOrSequence]
}
