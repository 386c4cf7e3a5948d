import type { EvalProgress } from '@stemkit/eval'
import { statusLine } from '../terminal/progress.ts'

/** Milliseconds between two changes of the line. */
const PAUSE = 125

export interface ProgressOfRun {
  say(text: string): void
  show(progress: EvalProgress): void
  clear(): void
}

/** How far a run is, on a terminal: requests, their rate, and the time that is left. */
export function progressOfRun(now: () => number = () => performance.now()): ProgressOfRun {
  const status = statusLine()
  let began: number | undefined
  let shown = Number.NEGATIVE_INFINITY
  return {
    say: status.show,
    clear: status.clear,
    show(progress) {
      const time = now()
      began ??= time
      if (time - shown < PAUSE && progress.done < progress.total) return
      shown = time
      status.show(progressText(progress, (time - began) / 1000))
    },
  }
}

/** Answers that were known take no time, so they say nothing about the rest. */
export function progressText({ done, total, cached }: EvalProgress, seconds: number): string {
  const known = cached > 0 ? `, ${cached} known before` : ''
  const rate = (done - cached) / seconds
  if (!(rate > 0 && Number.isFinite(rate))) return `${done} of ${total} requests${known}`
  const pace = rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2)
  return `${done} of ${total} requests, ${pace}/s, ${duration((total - done) / rate)} left${known}`
}

export function duration(seconds: number): string {
  const [minutes, hours] = [Math.round(seconds / 60), Math.floor(seconds / 3600)]
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return minutes < 90 ? `${minutes} min` : `${hours} h ${Math.round((seconds - 3600 * hours) / 60)} min`
}
