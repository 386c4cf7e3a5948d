import { open, type FileHandle } from 'node:fs/promises'
import { StemkitError } from '@stemkit/spec/errors'
import type { TrainStep } from '../metrics.ts'
import { ioError } from './io-error.ts'

/** A run's `metrics.jsonl`: one JSON object a line, one line a step. */
export interface MetricsFile extends AsyncDisposable {
  /** Resolves once the line is handed to the operating system, so that it outlives this process. */
  write(step: TrainStep): Promise<void>
  close(): Promise<void>
}

/**
 * Opens a metrics file for appending, creating it where absent. The first write cuts off the lines of step `from` and
 * later and a torn last line: pass the number of steps that the trainer has taken, and no step is in the file twice.
 * Until then the file stays as it is, so that a run refused before its first step has lost nothing.
 * Throws `io` or `not-found` (no such folder).
 */
export async function openMetrics(path: string, { from }: { readonly from: number }): Promise<MetricsFile> {
  const file = await open(path, 'a+').catch((error: unknown) => {
    throw ioError(`cannot open ${path}`, error)
  })
  const close = (): Promise<void> => file.close()
  let cut = false
  return {
    async write(step) {
      try {
        if (!cut) await cutOff(file, from)
        cut = true
        await file.appendFile(`${JSON.stringify(step)}\n`)
      } catch (error) {
        throw ioError(`cannot write the metrics of step ${step.index} to ${path}`, error)
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * Reads a metrics file, leaving out a torn last line.
 * Throws `not-found`, `io`, or `corrupt` naming the line that is no metrics record.
 */
export async function readMetrics(path: string): Promise<TrainStep[]> {
  const file = await open(path).catch((error: unknown) => {
    throw ioError(`cannot read ${path}`, error)
  })
  try {
    const steps: TrainStep[] = []
    for await (const { text, whole } of lines(file)) {
      const step = parse(text)
      if (step) steps.push(step)
      else if (whole) throw new StemkitError('corrupt', `${path}: line ${steps.length + 1} is no metrics record`)
    }
    return steps
  } finally {
    await file.close()
  }
}

/** Ends the file with the last complete record of a step before `from`. */
async function cutOff(file: FileHandle, from: number): Promise<void> {
  let last = { next: 0, whole: true }
  for await (const line of lines(file)) {
    const step = parse(line.text)
    if (!step || step.index >= from) break
    last = line
  }
  await file.truncate(last.next)
  if (!last.whole) await file.appendFile('\n')
}

/** The lines of a file with the offset at which the next one begins; the last is not `whole` without a line feed. */
async function* lines(file: FileHandle): AsyncGenerator<{ text: string; whole: boolean; next: number }> {
  let rest = Buffer.alloc(0)
  let next = 0
  const chunk = Buffer.alloc(1 << 16)
  for (;;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, next + rest.length)
    if (bytesRead === 0) break
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
    let start = 0
    for (let feed = rest.indexOf(10); feed >= 0; feed = rest.indexOf(10, start)) {
      next += feed + 1 - start
      yield { text: rest.toString('utf8', start, feed), whole: true, next }
      start = feed + 1
    }
    rest = rest.subarray(start)
  }
  if (rest.length > 0) yield { text: rest.toString(), whole: false, next: next + rest.length }
}

function parse(text: string): TrainStep | undefined {
  try {
    const value = JSON.parse(text) as TrainStep | null
    return Number.isInteger(value?.index) && Number.isFinite(value?.loss) ? value! : undefined
  } catch {
    return undefined
  }
}
