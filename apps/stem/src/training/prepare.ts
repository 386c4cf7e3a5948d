import { createPacker, splitDocuments, type Document, type PackedDataset } from '@stemkit/data'
import { readDocuments } from '@stemkit/data/node'
import { createModelConfig, FEED_FORWARDS, presets, type CustomFeedForwards, type ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { encodeDocuments, END_OF_TEXT, loadTokenizer, type TokenizerJson } from '@stemkit/tokenizer'
import { readTokenizerFolder } from '@stemkit/tokenizer/node'
import { trainBpe } from '@stemkit/tokenizer/train'
import { nearest } from '../config/nearest.ts'
import type { RunConfig } from '../config/schema.ts'

/** All that a run is made of, before a weight is allocated. */
export interface PreparedRun {
  readonly model: ModelConfig
  readonly tokenizer: Tokenizer
  readonly tokenizerJson: TokenizerJson
  readonly train: PackedDataset
  readonly heldOut: PackedDataset
}

export interface PrepareOptions {
  /** A checkpoint to go on from, whose tokenizer is then the run's. */
  readonly resumeFrom: string | undefined
  /** Feed-forwards that plugins bring. */
  readonly custom?: CustomFeedForwards | undefined
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
}

/** Reads and splits the text, loads or trains the tokenizer, packs both sides. */
export async function prepareRun(config: RunConfig, options: PrepareOptions): Promise<PreparedRun> {
  const { signal, onProgress, custom } = options
  // A shape that no model can have is refused before any text is read.
  modelOf(config, config.tokenizer.vocabSize, custom)
  onProgress('reading text')
  const { train, heldOut } = await readSplit(config, signal)
  const tokenizerJson = await findTokenizer(config, train, options)
  const tokenizer = loadTokenizer(tokenizerJson)
  const model = modelOf(config, tokenizer.vocabSize, custom)
  const length = config.data.length ?? model.maxLength
  const endOfText = endOfTextOf(tokenizer)
  const pack = async (documents: readonly Document[], what: string): Promise<PackedDataset> => {
    const packer = createPacker({
      length,
      endOfText,
      resetPositions: config.data.resetPositions,
      vocabSize: model.vocabSize,
    })
    const texts = documents.map(({ text }) => text)
    const encoded = encodeDocuments(tokenizer, texts, {
      signal,
      onProgress: ({ documents: done, tokens }) =>
        onProgress(`encoding ${what}: ${done}/${texts.length} documents, ${tokens} tokens`),
    })
    for await (const ids of encoded) packer.add(ids)
    return packer.finish()
  }
  return {
    model,
    tokenizer,
    tokenizerJson,
    train: await pack(train, 'training text'),
    heldOut: await pack(heldOut, 'held-out text'),
  }
}

/** @throws StemkitError 'bad-input' for a tokenizer without a token that marks where documents end */
export function endOfTextOf(tokenizer: Tokenizer): number {
  const endOfText = tokenizer.special.eos ?? tokenizer.tokenToId(END_OF_TEXT)
  if (endOfText !== undefined) return endOfText
  throw new StemkitError(
    'bad-input',
    `tokenizer: it has no end-of-text token (${END_OF_TEXT} or </s>), which marks where documents end`,
  )
}

/**
 * The model that a config asks for.
 * @throws StemkitError 'bad-input' for a shape that no model can have, or a feed-forward that neither is built in nor comes
 *   with a plugin
 */
export function modelOf({ model, data }: RunConfig, vocabSize: number, custom?: CustomFeedForwards): ModelConfig {
  const { preset, tableInit: _, ...options } = model
  const base = preset === undefined ? {} : presets[preset]
  const length = data.length === undefined ? {} : { maxLength: data.length }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const made = createModelConfig({ ...base, ...length, ...given, vocabSize })
  for (const kind of made.feedForwards) checkKind(kind, custom)
  return made
}

function checkKind(kind: string, custom: CustomFeedForwards = {}): void {
  const known = [...FEED_FORWARDS, ...Object.keys(custom)]
  if (known.includes(kind)) return
  const meant = nearest(kind, known)
  throw new StemkitError(
    'bad-input',
    `model.kind is "${kind}"; ${meant ? `did you mean ${meant}? Known` : 'known'} are ${known.join(', ')}; others come with plugins, by 'plugins' in the config or --plugin`,
  )
}

async function readSplit(
  { data }: RunConfig,
  signal: AbortSignal,
): Promise<{ train: readonly Document[]; heldOut: readonly Document[] }> {
  const read = async (sources: readonly string[]): Promise<Document[]> => {
    const documents: Document[] = []
    for await (const document of readDocuments(sources, { field: data.field, signal })) documents.push(document)
    return documents
  }
  const train = await read(data.train)
  if (typeof data.heldOut !== 'number') return { train, heldOut: await read(data.heldOut) }
  if (train.length === 1) return splitText(train[0]!, data.heldOut)
  return splitDocuments(train, { last: Math.max(1, Math.round(train.length * data.heldOut)) })
}

/** A single document gives its end as the held-out text. */
function splitText({ text, name }: Document, share: number): { train: Document[]; heldOut: Document[] } {
  const at = Math.round(text.length * (1 - share))
  return { train: [{ text: text.slice(0, at), name }], heldOut: [{ text: text.slice(at), name }] }
}

async function findTokenizer(
  { tokenizer }: RunConfig,
  train: readonly Document[],
  { resumeFrom, signal, onProgress }: PrepareOptions,
): Promise<TokenizerJson> {
  const path = resumeFrom ?? tokenizer.path
  if (path !== undefined) return (await readTokenizerFolder(path, { signal })).json
  onProgress(`training a tokenizer of ${tokenizer.vocabSize} tokens`)
  return trainBpe({ texts: train.map((document) => document.text), vocabSize: tokenizer.vocabSize, signal })
}
