import { ByteFallbackDecoder, SequenceDecoder, Tokenizer as Library } from '@huggingface/tokenizers'
import { StemkitError } from '@stemkit/spec/errors'
import { GPT2_PATTERN } from './gpt2.ts'
import { stagesOf, type StageJson, type TokenizerJson } from './tokenizer-json.ts'

const split = (pattern: string): StageJson => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
})

/**
 * The library's own ByteLevel cuts with JavaScript's `\s`, which has U+FEFF and lacks U+0085; its Split translates
 * patterns exactly. So ByteLevel becomes Split and then bytes.
 */
const exactByteLevel = (stage: StageJson): StageJson[] => {
  if (stage.type !== 'ByteLevel' || stage['use_regex'] === false) return [stage]
  const space: StageJson[] =
    stage['add_prefix_space'] === false
      ? []
      : [{ type: 'Replace', pattern: { Regex: String.raw`\A[^ ]` }, content: ' $&' }]
  return [...space, split(GPT2_PATTERN), { type: 'ByteLevel', add_prefix_space: false, use_regex: false }]
}

const exactStages = (json: TokenizerJson): TokenizerJson => {
  const stages = stagesOf(json.pre_tokenizer, 'pretokenizers')
  if (!stages.some((stage) => stage.type === 'ByteLevel')) return json
  return { ...json, pre_tokenizer: { type: 'Sequence', pretokenizers: stages.flatMap(exactByteLevel) } }
}

/** What the JavaScript library would quietly do differently from the reference. */
const unsupported = (json: TokenizerJson): string | undefined => {
  const inexact = new Set(['mergedwithprevious', 'mergedwithnext', 'contiguous'])
  for (const stage of stagesOf(json.pre_tokenizer, 'pretokenizers')) {
    const behavior = stage['behavior']
    if (typeof behavior === 'string' && inexact.has(behavior.toLowerCase())) return `the split behaviour ${behavior}`
  }
  if (json.model['continuing_subword_prefix'] && json.model.type === 'BPE')
    return 'BPE with a continuing subword prefix'
  if (json.added_tokens.some((token) => token.single_word)) return 'added tokens that match single words only'
  return undefined
}

/** The reference turns a run of byte tokens into text whole, or into one U+FFFD for each byte. */
const wholeOrNothing = (): TextDecoder => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const decode = (bytes: Uint8Array): string => {
    try {
      return strict.decode(bytes)
    } catch {
      return '\uFFFD'.repeat(bytes.length)
    }
  }
  return { encoding: 'utf-8', fatal: false, ignoreBOM: true, decode } as TextDecoder
}

/**
 * The library's tokenizer, with its known differences from the reference removed.
 * Throws `unsupported` for stages that it does not know or does not do exactly.
 */
export const createLibrary = (json: TokenizerJson): Library => {
  const reason = unsupported(json)
  if (reason !== undefined)
    throw new StemkitError('unsupported', `This tokenizer needs ${reason}, which is not supported`)
  let library: Library
  try {
    library = new Library(exactStages(json), {})
  } catch (cause) {
    throw new StemkitError('unsupported', `This tokenizer cannot be loaded: ${(cause as Error).message}`, { cause })
  }
  const { decoder } = library
  for (const part of decoder instanceof SequenceDecoder ? decoder.decoders : [decoder]) {
    if (part instanceof ByteFallbackDecoder) part.text_decoder = wholeOrNothing()
  }
  return library
}
