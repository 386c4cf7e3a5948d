import { StemkitError } from '@stemkit/spec/errors'
import { quote } from '../strict-json.ts'

/** How SentencePiece writes a space inside a token. */
const SPACE = '\u2581'

const UNKNOWN = 0
const BOS = 1
const EOS = 2
const FIRST_BYTE = 3
const FIRST_PIECE = FIRST_BYTE + 256

/** The merger of llama2.c takes no pair whose score is lower. */
const LOWEST_SCORE = -1e10

interface Piece {
  readonly text: string
  readonly score: number
}

const refuse = (problem: string): never => {
  throw new StemkitError('corrupt', `not a sound llama2.c tokenizer: ${problem}`)
}

/**
 * The tokenizer.json of a llama2.c tokenizer (`tokenizer.bin`: a SentencePiece BPE with scores). As in llama2.c, a
 * text gets a space in front and BOS before it, characters without a token become bytes, and the pair whose token
 * scores highest is merged first.
 * @throws corrupt for a file that is truncated or has no byte tokens; bad-input if it has not `vocabSize` tokens
 */
export function llama2cTokenizerJson(
  bytes: Uint8Array,
  { vocabSize }: { readonly vocabSize?: number } = {},
): Record<string, unknown> {
  const pieces = readPieces(bytes)
  if (vocabSize !== undefined && pieces.length !== vocabSize) {
    throw new StemkitError('bad-input', `this tokenizer has ${pieces.length} tokens, but the model has ${vocabSize}`)
  }
  const ids = new Map<string, number>()
  pieces.forEach(({ text }, id) => {
    if (ids.has(text)) refuse(`tokens ${ids.get(text)} and ${id} are both ${quote(text)}`)
    ids.set(text, id)
  })
  const [unknown, bos, eos] = [UNKNOWN, BOS, EOS].map((id) => pieces[id]!.text) as [string, string, string]
  const bosToken = { SpecialToken: { id: bos, type_id: 0 } }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [special(unknown, UNKNOWN), special(bos, BOS), special(eos, EOS)],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: SPACE },
        { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [bosToken, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [bosToken, { Sequence: { id: 'A', type_id: 0 } }, bosToken, { Sequence: { id: 'B', type_id: 0 } }],
      special_tokens: { [bos]: { id: bos, ids: [BOS], tokens: [bos] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(ids),
      merges: mergesOf(pieces, ids),
    },
  }
}

const special = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
})

/** The file: the length of the longest token, then score, length and bytes of each token. */
function readPieces(bytes: Uint8Array): Piece[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const pieces: Piece[] = []
  let at = 4
  while (at < bytes.byteLength) {
    if (at + 8 > bytes.byteLength) refuse(`it ends within token ${pieces.length}`)
    const score = view.getFloat32(at, true)
    const length = view.getUint32(at + 4, true)
    at += 8
    if (at + length > bytes.byteLength) refuse(`it ends within token ${pieces.length}`)
    try {
      pieces.push({ score, text: tidy(pieces.length, utf8.decode(bytes.subarray(at, at + length))) })
    } catch {
      refuse(`token ${pieces.length} is not valid UTF-8`)
    }
    at += length
  }
  for (let byte = 0; byte < 256; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
    if (pieces[FIRST_BYTE + byte]?.text !== name)
      refuse(`token ${FIRST_BYTE + byte} is not ${name}, the token of that byte`)
  }
  return pieces
}

/** BOS and EOS stand between line breaks in the file, and spaces for themselves. */
const tidy = (id: number, text: string): string =>
  id === BOS || id === EOS ? text.trim() : text.replaceAll(' ', SPACE)

/**
 * Every way to make a token of two others, the token with the highest score first. Between equal scores llama2.c
 * takes the leftmost pair, for which merges have no word: here earlier tokens go first, as Hugging Face has it.
 */
function mergesOf(pieces: readonly Piece[], ids: ReadonlyMap<string, number>): string[] {
  const merges: { id: number; left: number; right: number; score: number }[] = []
  for (const [id, { text, score }] of pieces.entries()) {
    if (id < FIRST_PIECE || !(score > LOWEST_SCORE)) continue
    const characters = Array.from(text)
    for (let cut = 1; cut < characters.length; cut++) {
      const left = ids.get(characters.slice(0, cut).join(''))
      const right = ids.get(characters.slice(cut).join(''))
      if (left !== undefined && right !== undefined) merges.push({ id, left, right, score })
    }
  }
  merges.sort((a, b) => b.score - a.score || a.id - b.id || a.left - b.left || a.right - b.right)
  return merges.map(({ left, right }) => `${pieces[left]!.text} ${pieces[right]!.text}`)
}
