import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StemkitError } from '@stemkit/spec/errors'
import * as z from 'zod'
import type { EvalAnswer } from '../ask/requests.ts'
import type { AnswerCache } from '../cache/answer-cache.ts'

const flush = promisify(fsync)

export interface FileCacheOptions {
  /** Whose answers they are: each model has a file of its own in the folder. */
  readonly modelId: string
  /** Milliseconds after which what was written is forced to the disk, at most. Default 1000. */
  readonly syncEvery?: number | undefined
}

const line = z.object({
  key: z.string(),
  answer: z.union([
    z.object({ kind: z.literal('loglikelihood'), logprob: z.number(), greedy: z.boolean() }),
    z.object({ kind: z.literal('loglikelihood_rolling'), logprob: z.number() }),
    z.object({ kind: z.literal('generate_until'), text: z.string() }),
  ]),
})

/**
 * Answers in a folder, which any number of runs may share, one after the other or at once. An answer is a line that is
 * appended to its model's file in one piece when it is known, so that the end of the process, however sudden, loses none that
 * was given out. The disk is told to keep them once a second, and at the end: that much a power failure may take. A line that
 * was cut short, by such a failure or a full disk, is passed over, and its question asked again.
 * @throws io where the folder cannot be written to, or is full: what was kept stays
 */
export function fileCache(folder: string, { modelId, syncEvery = 1000 }: FileCacheOptions): AnswerCache {
  const path = join(folder, `answers-${createHash('sha256').update(modelId).digest('hex').slice(0, 16)}.jsonl`)
  const attempt = <T>(what: string, work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      const why = (cause as Error).message
      throw new StemkitError('io', `${path} cannot be ${what}: ${why}; the answers in it stay`, { cause })
    }
  }
  const answers = attempt('read', () => (existsSync(path) ? readAnswers(readFileSync(path, 'utf8')) : new Map()))
  const file = attempt('opened', () => {
    mkdirSync(folder, { recursive: true })
    return openSync(path, 'a+')
  })
  let isTorn = attempt('read', () => !endsWithLine(file))
  let timer: NodeJS.Timeout | undefined
  let isOpen = true

  return {
    get: (key) => answers.get(key),
    put(key, answer) {
      if (!isOpen) throw new StemkitError('bad-input', `${path} was closed; open the cache again`)
      const text = `${isTorn ? '\n' : ''}${JSON.stringify({ key, answer })}\n`
      isTorn = true
      attempt('written to', () => writeWhole(file, text))
      isTorn = false
      answers.set(key, answer)
      timer ??= setTimeout(() => {
        timer = undefined
        if (isOpen) fsync(file, () => {})
      }, syncEvery).unref()
    },
    async dispose() {
      if (!isOpen) return
      isOpen = false
      clearTimeout(timer)
      await flush(file)
      closeSync(file)
      answers.clear()
    },
  }
}

function readAnswers(text: string): Map<string, EvalAnswer> {
  const answers = new Map<string, EvalAnswer>()
  for (const each of text.split('\n')) {
    const parsed = line.safeParse(parsedLine(each))
    if (parsed.success) answers.set(parsed.data.key, parsed.data.answer)
  }
  return answers
}

function parsedLine(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function endsWithLine(file: number): boolean {
  const { size } = fstatSync(file)
  if (size === 0) return true
  const last = new Uint8Array(1)
  readSync(file, last, 0, 1, size - 1)
  return last[0] === 0x0a
}

/** One call of the system takes all of it, unless the disk is full. */
function writeWhole(file: number, text: string): void {
  const bytes = new TextEncoder().encode(text)
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
}
