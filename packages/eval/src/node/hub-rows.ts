import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { downloadFile, HubApiError, listFiles } from '@huggingface/hub'
import { StemkitError } from '@stemkit/spec/errors'
import { Passing, retrying } from '@stemkit/spec/retrying'
import type { RowSource, SplitName } from '../tasks/rows.ts'
import { folderRows } from './folder-rows.ts'

export interface HubRowsOptions {
  /** Where what was loaded stays, laid out as `folderRows` reads it; what is there is not loaded again. */
  readonly cache: string
  /** Default: the hub's own. */
  readonly hubUrl?: string | undefined
  /** For data sets that are not open to all. */
  readonly accessToken?: string | undefined
  /** How often a request is repeated that fails. Default 4. */
  readonly retries?: number | undefined
  /** Told of every file before it is loaded. */
  readonly onLoad?:
    | ((file: { readonly dataset: string; readonly path: string; readonly bytes: number }) => void)
    | undefined
}

/** The branch where the hub keeps every data set as Parquet, laid out as `<name>/<split>/0000.parquet`. */
const REVISION = 'refs/convert/parquet'

/**
 * Rows of data sets of the Hugging Face hub, by their names. Each split is loaded once, whole, and then read from the cache,
 * without a network too.
 * @throws not-found for a data set that the hub does not have, io where the hub cannot be reached
 */
export function hubRows(options: HubRowsOptions): RowSource {
  const { cache } = options
  let cached = folderRows(cache)
  const loading = new Map<string, Promise<boolean>>()
  return async (split, { signal } = {}) => {
    const found = await cached(split, signal ? { signal } : {}).catch((error: unknown) => {
      // Parts that are missing were being loaded when a run ended.
      if (StemkitError.isInstance(error) && (error.code === 'not-found' || error.code === 'corrupt')) return undefined
      throw error
    })
    if (found) return found
    const key = JSON.stringify(split)
    const load = loading.get(key) ?? loadSplit(split, options, signal)
    loading.set(key, load)
    try {
      if (!(await load)) return undefined
    } finally {
      loading.delete(key)
    }
    cached = folderRows(cache)
    return cached(split, signal ? { signal } : {})
  }
}

/** Whether there is such a split. */
async function loadSplit(split: SplitName, options: HubRowsOptions, signal: AbortSignal | undefined): Promise<boolean> {
  const { hubUrl, accessToken, retries = 4, cache, onLoad } = options
  const { path: dataset, name } = split
  const send: typeof fetch = (input, init) => fetch(input, signal ? { ...init, signal } : init)
  const common = {
    repo: { type: 'dataset', name: dataset } as const,
    revision: REVISION,
    fetch: send,
    ...(hubUrl !== undefined && { hubUrl }),
    ...(accessToken !== undefined && { accessToken }),
  }
  const attempt = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    retrying({ retries, where: `${dataset}: ${what}`, signal }, () =>
      work().catch((error) => throwAs(error, dataset, signal)),
    )

  const files = await attempt('its files', () => Array.fromAsync(listFiles({ ...common, recursive: true })))
  const config = name ?? onlyConfig(files.map(({ path }) => path))
  const parts = files
    .filter(
      ({ type, path }) => type === 'file' && path.startsWith(`${config}/${split.split}/`) && path.endsWith('.parquet'),
    )
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  if (parts.length === 0) return false
  const folder = join(cache, ...dataset.split('/'), ...(name === undefined ? [] : name.split('/')))
  await mkdir(folder, { recursive: true })
  for (const [i, { path, size }] of parts.entries()) {
    onLoad?.({ dataset, path, bytes: size })
    const bytes = await attempt(path, async () => {
      const blob = await downloadFile({ ...common, path })
      if (!blob) throw new StemkitError('not-found', `${dataset} has no ${path}`)
      return new Uint8Array(await blob.arrayBuffer())
    })
    const number = (value: number): string => String(value).padStart(5, '0')
    const file = join(folder, `${split.split}-${number(i)}-of-${number(parts.length)}.parquet`)
    const unfinished = `${file}.${process.pid}.part`
    await writeFile(unfinished, bytes).then(
      () => rename(unfinished, file),
      async (cause: unknown) => {
        await rm(unfinished, { force: true })
        throw new StemkitError('io', `${file} cannot be written: ${(cause as Error).message}`, { cause })
      },
    )
  }
  return true
}

/** A data set without names has one folder. */
function onlyConfig(paths: readonly string[]): string {
  const folders = new Set(paths.filter((path) => path.includes('/')).map((path) => path.split('/', 1)[0]!))
  return folders.size === 1 ? [...folders][0]! : 'default'
}

function throwAs(error: unknown, dataset: string, signal: AbortSignal | undefined): never {
  signal?.throwIfAborted()
  if (StemkitError.isInstance(error)) throw error
  if (error instanceof HubApiError) {
    const { statusCode: status } = error
    if (status === 404 || status === 401 || status === 403) {
      throw new StemkitError('not-found', `the hub has no data set ${dataset} that is open to you (${status})`, {
        cause: error,
      })
    }
    if (status < 500 && status !== 429) {
      throw new StemkitError('bad-input', `the hub refuses ${dataset}: ${error.message}`, { cause: error })
    }
    throw new Passing(`the hub answers ${status}`, { cause: error })
  }
  const { cause, message } = error as Error & { cause?: { code?: string } }
  throw new Passing(`the hub cannot be reached (${cause?.code ?? message})`, { cause: error })
}
