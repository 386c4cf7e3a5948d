import { glob, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'

/** What a folder is searched for; a file or a pattern that is named may have any name. */
const READABLE = /\.(?:txt|text|jsonl|ndjson)(?:\.gz|\.zst)?$/iu

const inFolder = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && READABLE.test(entry.name))
  if (files.length === 0) {
    throw new StemkitError(
      'not-found',
      `${folder} has no .txt, .text, .jsonl or .ndjson file (nor one of them as .gz or .zst)`,
    )
  }
  return files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
}

const find = async (source: string): Promise<string[]> => {
  const info = await stat(source).catch(() => undefined)
  if (info?.isDirectory()) return inFolder(source)
  if (info !== undefined) return [source]
  if (!/[*?[{]/u.test(source)) throw new StemkitError('not-found', `There is no file or folder ${source}`)
  const matches: string[] = []
  for await (const match of glob(source)) if ((await stat(match)).isFile()) matches.push(match)
  if (matches.length === 0) throw new StemkitError('not-found', `No file matches ${source}`)
  return matches.toSorted()
}

/** Files of each source in turn, those of a folder or a pattern sorted by name. Throws `not-found`. */
export const findFiles = async (sources: readonly string[]): Promise<string[]> =>
  (await Promise.all(sources.map(find))).flat()
