import type { Engine } from '@stemkit/compile'
import type { CustomFeedForwards } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { OpenRows } from '@stemkit/spec/row-driver'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { httpFiles, httpRows, type HttpFiles, type HttpOptions, type RowStore } from '@stemkit/store'
import { loadTokenizer } from '@stemkit/tokenizer'
import { openModelFiles, type ModelFiles } from '@stemkit/weights'
import { checkTokenizer } from './check-tokenizer.ts'
import type { StepThreadsOptions } from './decoder/create-decoder.ts'
import { createModel, type Model, type ServingOptions } from './model.ts'
import { readWeights, type ReadWeightsOptions } from './read-weights.ts'
import { checkReference, openTablesAt, ROWS_FILE, type OpenTables } from './rows/open-tables.ts'

/** What is read of a model at a URL. `onProgress` is told after every tensor. */
export interface LoadRemoteModelOptions
  extends ServingOptions, HttpOptions, Pick<ReadWeightsOptions, 'signal' | 'onProgress'> {
  readonly engine: Engine
  /**
   * Where the rows of the tables are, which the model then owns, or a URL for `openRows`. Default: where the folder's
   * `rows.json` says, from where they are read as they are needed; else the tables among its weights.
   */
  readonly store?: RowStore | string | undefined
  /** Opens rows by URL. Default: those of `http:` and `https:`. */
  readonly openRows?: OpenRows | undefined
  /** Bytes of memory for rows. Default 256 MiB. */
  readonly budget?: number | undefined
  /** Feed-forwards of your own that the config names. */
  readonly custom?: CustomFeedForwards | undefined
  /** Threads of the model's own for steps of few tokens, in a browser started by `spawnWebWorker` of `@stemkit/threads`. Default: none. */
  readonly stepThreads?: StepThreadsOptions | undefined
}

/** Tensors that are asked for at a time: norms are small, and each costs a round trip. */
const AT_ONCE = 8

/**
 * Loads a model folder from a URL, on any static server that answers range requests, in Node or in a browser. Requests that
 * fail are repeated and go on where they broke off; a file that is replaced meanwhile is an error, never a mixture.
 * @throws not-found, bad-input, unsupported, corrupt, io or conflict, with one line that names the file; the reason of `signal`
 */
export async function loadRemoteModel(url: string | URL, options: LoadRemoteModelOptions): Promise<Model> {
  const { signal, onProgress, engine } = options
  const cancel = signal ? { signal } : {}
  const files = httpFiles(url, options)
  const { rows, openOverlay } = await openTables(files, url, options)
  try {
    const model = await openModelFiles(files, { ...cancel, optionalTables: rows !== undefined })
    try {
      const { config, tensors } = model
      const isUnwanted = (name: string): boolean => rows !== undefined && name.endsWith('.stem_table.weight')
      const weights = await readWeights(tensors, { atOnce: AT_ONCE, signal, onProgress, isUnwanted })
      const tokenizer = await readTokenizer(model, files, cancel)
      return await createModel({ ...options, config, weights, tokenizer, engine, rows, openOverlay })
    } finally {
      await model.dispose()
    }
  } catch (error) {
    await rows?.dispose()
    throw error
  }
}

async function readTokenizer(
  { config, json }: ModelFiles,
  { path }: Pick<HttpFiles, 'path'>,
  cancel: { readonly signal?: AbortSignal },
): Promise<Tokenizer | undefined> {
  const source = await json('tokenizer.json', cancel)
  if (!source) return undefined
  const roles = (await json('tokenizer_config.json', cancel)) ?? (await json('special_tokens_map.json', cancel))
  let tokenizer: Tokenizer
  try {
    tokenizer = loadTokenizer(source, { config: roles })
  } catch (error) {
    if (!StemkitError.isInstance(error)) throw error
    throw new StemkitError(error.code, `${path}tokenizer.json: ${error.message}`, { cause: error })
  }
  checkTokenizer(`${path}tokenizer.json`, tokenizer, config)
  return tokenizer
}

async function openTables(
  files: HttpFiles,
  base: string | URL,
  options: LoadRemoteModelOptions,
): Promise<Partial<OpenTables>> {
  const { store, budget, signal, fetch, headers, retries, timeout, concurrency } = options
  if (typeof store === 'object') return { rows: store }
  const http: HttpOptions = { fetch, headers, retries, timeout, concurrency }
  const overHttp: OpenRows = async (at, how) => httpRows(at, { ...http, ...(how?.signal && { signal: how.signal }) })
  const openRows = options.openRows ?? overHttp
  if (store !== undefined) return openTablesAt({ url: store }, { openRows, budget, signal })
  const file = await files.open(ROWS_FILE, signal)
  if (!file) return {}
  const bytes = new Uint8Array(file.byteLength)
  await file.read(0, bytes, signal)
  const reference = checkReference(file.path, parse(bytes))
  return openTablesAt(
    { ...reference, url: remoteUrl(file.path, base, reference.url) },
    { openRows: overHttp, budget, signal },
  )
}

/** What lies beside the model. A file of somebody else's does not say what to open on this machine, or with our credentials. */
function remoteUrl(path: string, base: string | URL, url: string): string {
  const relative = /^file:(?!\/)(?<path>.*)$/u.exec(url)?.groups?.['path']
  const folder = new URL(base)
  if (relative === undefined || relative.includes('..') || /^[a-z]+:/iu.test(relative)) {
    throw new StemkitError(
      'unsupported',
      `${path} says that the rows are not beside the model; if you trust it, pass them as 'store'`,
    )
  }
  folder.pathname = `${folder.pathname.replace(/\/?$/u, '/')}${relative.replace(/^\.\//u, '')}`
  return folder.href
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    return undefined
  }
}
