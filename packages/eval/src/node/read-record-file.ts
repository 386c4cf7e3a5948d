import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { StemkitError } from '@stemkit/spec/errors'

/**
 * The JSON of a file, which may be packed.
 * @throws with the reason where it is cut short, or is not JSON (Python writes NaN, which is none)
 */
export async function readRecordFile(path: string): Promise<unknown> {
  try {
    const bytes = await readFile(path)
    const text = path.endsWith('.gz') ? await promisify(gunzip)(bytes) : bytes
    return JSON.parse(text.toString())
  } catch (error) {
    throw new StemkitError('corrupt', `cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
