import { pythonRepr } from '../python/repr.ts'
import { sha256 } from '../results/sha256.ts'
import { codePoints } from '../python/text.ts'

/** A place where what was recorded and what was computed differ. */
export interface Mismatch {
  /** A path, such as `samples[3].arguments[0][1]`. */
  readonly at: string
  readonly expected: string
  readonly actual: string
}

interface TextDigest {
  readonly sha256: string
  readonly chars: number
  readonly bytes: number
}

/** All differences of two JSON values. Texts may be recorded as their digests; numbers must be equal to the last digit. */
export async function differences(at: string, expected: unknown, actual: unknown): Promise<Mismatch[]> {
  if (isDigest(expected) && typeof actual === 'string') {
    const digest = {
      sha256: await sha256(actual),
      chars: codePoints(actual),
      bytes: new TextEncoder().encode(actual).length,
    }
    return differencesOfObjects(at, { ...expected }, digest)
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length)
    return all(Array.from({ length }, (_, i) => differences(`${at}[${i}]`, expected[i], actual[i])))
  }
  if (isObject(expected) && isObject(actual)) return differencesOfObjects(at, expected, actual)
  return expected === actual ? [] : [{ at, expected: shown(expected), actual: shown(actual) }]
}

function differencesOfObjects(at: string, expected: Record<string, unknown>, actual: Record<string, unknown>) {
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)])
  return all([...keys].map((key) => differences(at === '' ? key : `${at}.${key}`, expected[key], actual[key])))
}

const all = async (parts: readonly Promise<Mismatch[]>[]) => (await Promise.all(parts)).flat()

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isDigest = (value: unknown): value is TextDigest =>
  isObject(value) && 'sha256' in value && 'chars' in value && 'bytes' in value && Object.keys(value).length === 3

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = typeof value === 'string' ? JSON.stringify(value) : pythonRepr(value)
  return text.length > 300 ? `${text.slice(0, 300)}...` : text
}
