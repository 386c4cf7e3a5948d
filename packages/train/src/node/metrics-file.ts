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
 * Opens a metrics file for appending, creating it where absent. Lines of step `from` and later are cut off, as is a
 * torn last line: pass the number of steps that the trainer has taken, and no step is in the file twice.
 * Throws `io` or `not-found` (no such folder).
 */
export async function openMetrics(path: string, { from }: { readonly from: number }): Promise<MetricsFile> {
  let file: FileHandle
  try {
    file = await open(path, 'a+')
    const { end, whole } = await endBefore(file, from)
    await file.truncate(end)
    if (!whole) await file.appendFile('\n')
  } catch (error) {
    throw ioError(`cannot open ${path}`, error)
  }
  const close = (): Promise<void> => file.close()
  return {
    async write(step) {
      try {
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
  let file: FileHandle
  try {
    file = await open(path)
  } catch (error) {
    throw ioError(`cannot read ${path}`, error)
  }
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

/** Where the last complete record of a step before `from` ends, and whether its line feed is there too. */
async function endBefore(file: FileHandle, from: number): Promise<{ end: number; whole: boolean }> {
  let last = { end: 0, whole: true }
  for await (const { text, whole, next } of lines(file)) {
    const step = parse(text)
    if (!step || step.index >= from) break
    last = { end: next, whole }
  }
  return last
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
