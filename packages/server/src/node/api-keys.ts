import { readFile } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'

/** API keys from a file, one a line; empty lines and lines that begin with # are none. @throws io, bad-input for a file without any */
export async function readApiKeys(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new StemkitError('io', `the API keys in ${path} cannot be read: ${cause.message}`, { cause })
  })
  return requireKeys(text.split(/\r?\n/), path)
}

/** API keys as an environment variable has them, with commas between. */
export const splitApiKeys = (value: string, name: string): string[] => requireKeys(value.split(','), name)

function requireKeys(values: readonly string[], source: string): string[] {
  const keys = values.map((value) => value.trim()).filter((value) => value !== '' && !value.startsWith('#'))
  // In a header nothing else arrives as it was sent.
  const wrong = keys.findIndex((key) => !/^[\x21-\x7e]+$/.test(key))
  if (wrong >= 0) {
    throw new StemkitError(
      'bad-input',
      `${source}: API key ${wrong + 1} has a space or a character beyond ASCII in it, so no request could carry it`,
    )
  }
  if (keys.length === 0) throw new StemkitError('bad-input', `${source} has no API key, so nobody could use the server`)
  return keys
}
