import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { ROW_FILES, rowsOfFile } from '../data/rows-of-file.ts'
import type { Row, RowSource, SplitName } from '../tasks/rows.ts'

/**
 * Rows of files in a folder, laid out as `FOLDER/<path>/<name>/<split>.jsonl`: `<path>` may have two parts, as in
 * `openai/gsm8k`, or be its last part alone; there is no `<name>` where the data set has none. Instead of JSONL, Parquet, JSON,
 * CSV or TSV, or several files `<split>-00000-of-00002.parquet`, which follow each other. What is read is kept.
 * @throws not-found for a data set that has no folder, corrupt for a file with other content or parts that are missing, with
 *   the line
 */
export function folderRows(folder: string): RowSource {
  const known = new Map<string, Promise<readonly Row[] | undefined>>()
  return (split, { signal } = {}) => {
    const key = JSON.stringify(split)
    const reading = known.get(key) ?? readSplit(folder, split, signal)
    known.set(key, reading)
    reading.catch(() => known.delete(key))
    return reading
  }
}

async function readSplit(
  folder: string,
  { path, name, split }: SplitName,
  signal: AbortSignal | undefined,
): Promise<readonly Row[] | undefined> {
  const places = [path, path.split('/').at(-1)!].map((each) => join(folder, ...safe(each), ...safe(name ?? '')))
  for (const place of new Set(places)) {
    const files = await filesIn(place)
    if (!files) continue
    const parts = partsOf(files, split, place)
    if (parts.length === 0) return undefined
    const rows: Row[] = []
    for (const part of parts) {
      const file = join(place, part)
      rows.push(...(await rowsOfFile(file, await readFile(file, signal ? { signal } : {}))))
    }
    return rows
  }
  throw new StemkitError(
    'not-found',
    `${places[0]} is no folder: the rows of ${path} should be there, as ${split}.jsonl, say`,
  )
}

function safe(name: string): string[] {
  const parts = name.split('/').filter((part) => part !== '')
  if (parts.some((part) => part === '..' || part === '.')) {
    throw new StemkitError('bad-input', `'${name}' is no name of a data set`)
  }
  return parts
}

async function filesIn(place: string): Promise<string[] | undefined> {
  try {
    return (await readdir(place)).toSorted()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new StemkitError('io', `${place} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** The files of a split, in order. */
function partsOf(files: readonly string[], split: string, place: string): string[] {
  for (const ending of ROW_FILES) {
    if (files.includes(`${split}.${ending}`)) return [`${split}.${ending}`]
    const parts = files.filter((file) => file.startsWith(`${split}-`) && /-\d+-of-\d+\.\w+$/u.test(file))
    const own = parts.filter((file) => file.endsWith(`.${ending}`) && file.slice(split.length).split('-').length === 4)
    if (own.length === 0) continue
    const count = Number(/-of-(\d+)\./u.exec(own[0]!)![1])
    if (own.length !== count) {
      throw new StemkitError(
        'corrupt',
        `${place} has ${own.length} of ${count} parts of ${split}; remove them, or add the others`,
      )
    }
    return own
  }
  return []
}
