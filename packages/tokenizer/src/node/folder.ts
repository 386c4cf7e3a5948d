import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { gpt2TokenizerJson } from '../gpt2.ts'
import { loadTokenizer } from '../load.ts'
import { parseTokenizerJson, type TokenizerJson } from '../tokenizer-json.ts'

/** GPT-2's two files, under the names of Hugging Face and of OpenAI. */
const PAIRS = [
  ['vocab.json', 'merges.txt'],
  ['encoder.json', 'vocab.bpe'],
] as const

const readText = async (path: string, signal: AbortSignal | undefined): Promise<string | undefined> => {
  try {
    return await readFile(path, { encoding: 'utf8', signal })
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StemkitError('io', `${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

const readJson = async (path: string, signal: AbortSignal | undefined): Promise<unknown> => {
  const text = await readText(path, signal)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new StemkitError('bad-input', `${path} is not JSON: ${(cause as Error).message}`, { cause })
  }
}

/** What a tokenizer is made of: its tokenizer.json and, where there is one, the file that names its special tokens. */
export interface TokenizerFiles {
  readonly json: TokenizerJson
  readonly config: unknown
}

/** Errors about what a file holds name the file. */
const inFile = <T>(path: string, make: () => T): T => {
  try {
    return make()
  } catch (error) {
    if (!StemkitError.isInstance(error)) throw error
    throw new StemkitError(error.code, `${path}: ${error.message}`, { cause: error })
  }
}

const readGpt2 = async (folder: string, signal: AbortSignal | undefined): Promise<TokenizerJson | undefined> => {
  for (const [vocabName, mergesName] of PAIRS) {
    const vocab = await readJson(join(folder, vocabName), signal)
    if (vocab === undefined) continue
    const merges = await readText(join(folder, mergesName), signal)
    if (merges === undefined) {
      throw new StemkitError('not-found', `${folder} has ${vocabName} without ${mergesName}, which must lie beside it`)
    }
    return inFile(folder, () => gpt2TokenizerJson(vocab, merges))
  }
  return undefined
}

/**
 * Reads the files of a tokenizer: tokenizer.json, else vocab.json and merges.txt (encoder.json and vocab.bpe).
 * `path` is a folder, or a tokenizer.json under any name. Throws `not-found`, `bad-input` or `io`, naming the file.
 */
export const readTokenizerFolder = async (
  path: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<TokenizerFiles> => {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new StemkitError('not-found', `There is no tokenizer at ${path}`, { cause })
    throw new StemkitError('io', `${path} cannot be read: ${cause.message}`, { cause })
  })
  const folder = info.isDirectory() ? path : dirname(path)
  const name = info.isDirectory() ? 'tokenizer.json' : basename(path)
  const file = join(folder, name)
  const source = await readJson(file, signal)
  const json = source === undefined ? await readGpt2(folder, signal) : inFile(file, () => parseTokenizerJson(source))
  if (json === undefined) {
    throw new StemkitError(
      'not-found',
      `${folder} has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt`,
    )
  }
  const config =
    (await readJson(join(folder, 'tokenizer_config.json'), signal)) ??
    (await readJson(join(folder, 'special_tokens_map.json'), signal))
  return { json, config }
}

/** Loads the tokenizer of a folder or file; see `readTokenizerFolder` and `loadTokenizer` for what is thrown. */
export const loadTokenizerFolder = async (
  path: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Tokenizer> => {
  const { json, config } = await readTokenizerFolder(path, options)
  return inFile(path, () => loadTokenizer(json, { config }))
}
