import { readFile } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { z } from 'zod'

const chosen = z.record(z.string(), z.array(z.int().nonnegative()))

/** Positions of documents by task, from JSON or a file of it. */
export async function chooseSamples(given: string | undefined): Promise<Record<string, number[]> | undefined> {
  if (given === undefined) return undefined
  const isText = given.trimStart().startsWith('{')
  const where = isText ? '--samples' : given
  const text = isText ? given : await readText(given)
  const parsed = chosen.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new StemkitError('bad-input', `${where} must be an object of lists of positions, as in {"arc_easy": [0, 7]}`)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new StemkitError('not-found', `--samples ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
