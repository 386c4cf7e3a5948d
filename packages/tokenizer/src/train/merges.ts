import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { StemkitError } from '@stemkit/spec/errors'
import { LINE_BREAK } from './corpus.ts'

/** Size of the vocabulary that the native trainer always makes: its Node binding has no setting for it. */
export const NATIVE_VOCABULARY = 30_000

/**
 * Runs in a process of its own: training holds its thread until the end and draws a progress bar on stderr.
 * The trainer reads lines; normalisation makes each the text that it stands for.
 */
const SCRIPT = `
const [library, corpus, result, lineBreak] = process.argv.slice(1)
const { BPE, Tokenizer, byteLevelPreTokenizer, replace, sequenceNormalizer } = require(library)
const tokenizer = new Tokenizer(BPE.empty())
tokenizer.setNormalizer(sequenceNormalizer([replace('\\n', ''), replace(lineBreak, '\\n')]))
tokenizer.setPreTokenizer(byteLevelPreTokenizer(false, true))
tokenizer.train([corpus])
tokenizer.save(result, false)
`

const nativeLibrary = (): string => {
  try {
    return createRequire(import.meta.url).resolve('tokenizers')
  } catch (cause) {
    throw new StemkitError('unsupported', 'Training needs the package "tokenizers": npm install tokenizers', { cause })
  }
}

/** Merges learnt from a corpus file, the most frequent first. */
export const learnMerges = async (
  corpus: string,
  result: string,
  signal?: AbortSignal,
): Promise<readonly (readonly [string, string])[]> => {
  const library = nativeLibrary()
  try {
    await promisify(execFile)(process.execPath, ['-e', SCRIPT, library, corpus, result, LINE_BREAK], { signal })
  } catch (cause) {
    if (signal?.aborted) throw signal.reason
    const lines = ((cause as { stderr?: string }).stderr || (cause as Error).message).trim().split('\n')
    const line = lines.find((text) => text.includes('Error')) ?? lines.at(-1) ?? ''
    throw new StemkitError('io', `Training the tokenizer failed: ${line.trim()}`, { cause })
  }
  const json = JSON.parse(await readFile(result, 'utf8')) as { model: { merges: [string, string][] } }
  return json.model.merges
}
