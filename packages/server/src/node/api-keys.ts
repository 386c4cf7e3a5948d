import { readFile } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import type { ApiKey } from '../middleware/api-keys.ts'

/**
 * API keys from a file, one a line, each followed by the overlays that it may name, with commas between: `KEY a,edit/ann/`.
 * Empty lines and lines that begin with # are none.
 * @throws io, bad-input for a file without any
 */
export async function readApiKeys(path: string): Promise<ApiKey[]> {
  return (await linesOf(path, 'API keys')).map((line, i) => {
    const [key = '', list = '', ...rest] = line.split(/\s+/)
    checkKey(key, { source: path, place: i + 1, called: 'API key' })
    const overlays = list.split(',').filter((each) => each !== '')
    if (rest.length > 0) {
      throw new StemkitError(
        'bad-input',
        `${path}: API key ${i + 1} has more behind it than overlays; write KEY overlay,overlay`,
      )
    }
    return overlays.length > 0 ? { key, overlays } : { key }
  })
}

/** API keys as an environment variable has them, with commas between. They may name no overlay. */
export const splitApiKeys = (value: string, name: string): ApiKey[] =>
  splitKeys(value, name, 'API key').map((key) => ({ key }))

/** Keys for the administration of edits, one a line. @throws io, bad-input for a file without any */
export async function readAdminKeys(path: string): Promise<string[]> {
  const keys = await linesOf(path, 'admin keys')
  keys.forEach((key, i) => checkKey(key, { source: path, place: i + 1, called: 'admin key' }))
  return keys
}

/** Admin keys as an environment variable has them, with commas between. */
export const splitAdminKeys = (value: string, name: string): string[] => splitKeys(value, name, 'admin key')

function splitKeys(value: string, source: string, called: string): string[] {
  const keys = meant(value.split(','), source, called)
  keys.forEach((key, i) => checkKey(key, { source, place: i + 1, called }))
  return keys
}

async function linesOf(path: string, called: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new StemkitError('io', `the ${called} in ${path} cannot be read: ${cause.message}`, { cause })
  })
  return meant(text.split(/\r?\n/), path, called.slice(0, -1))
}

function meant(values: readonly string[], source: string, called: string): string[] {
  const keys = values.map((value) => value.trim()).filter((value) => value !== '' && !value.startsWith('#'))
  if (keys.length > 0) return keys
  throw new StemkitError('bad-input', `${source} has no ${called}, so nobody could come in`)
}

/** In a header nothing else arrives as it was sent. */
function checkKey(
  key: string,
  { source, place, called }: { readonly source: string; readonly place: number; readonly called: string },
): void {
  if (/^[\x21-\x7e]+$/.test(key)) return
  throw new StemkitError(
    'bad-input',
    `${source}: ${called} ${place} has a space or a character beyond ASCII in it, so no request could carry it`,
  )
}
