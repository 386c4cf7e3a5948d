import { Presets, SingleBar } from 'cli-progress'

export interface ProgressLine {
  /** `text` stands beside the bar. */
  update(done: number, text: string): void
  stop(): void
}

/** A progress bar on stderr; nothing at all where stderr is not a terminal. */
export function progressLine(label: string, total: number): ProgressLine {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} }
  const bar = new SingleBar(
    {
      format: `${label} {bar} {value}/{total}  {eta_formatted} left  {text}`,
      hideCursor: true,
      stream: process.stderr,
      clearOnComplete: true,
      fps: 8,
      barsize: 20,
    },
    Presets.shades_classic,
  )
  bar.start(total, 0, { text: '' })
  return {
    update: (done, text) => bar.update(done, { text }),
    stop: () => bar.stop(),
  }
}

/** One line on stderr that later ones replace; nothing where stderr is not a terminal. */
export function statusLine(): { show(text: string): void; clear(): void } {
  const { isTTY, columns = 80 } = process.stderr
  const write = (text: string): void => void (isTTY && process.stderr.write(`\r\x1b[2K${text.slice(0, columns - 1)}`))
  return { show: write, clear: () => write('') }
}

/** A line on stderr, in a terminal or not: what a person waits for. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
