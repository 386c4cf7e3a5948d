import { inBytes } from '../terminal/quantities.ts'

export interface Transfer {
  readonly rows: number
  readonly totalRows: number
  readonly rowBytes: number
}

/**
 * Makes lines for rows on their way: how many, how fast, how long still. Speed is that since the first row of `what`, so
 * that rows that were there before do not count.
 */
export function transferText(
  now: () => number = () => performance.now(),
): (what: string, transfer: Transfer) => string {
  let begin: { what: string; rows: number; at: number } | undefined
  return (what, { rows, totalRows, rowBytes }) => {
    if (begin?.what !== what) begin = { what, rows, at: now() }
    const line = `${what}: ${rows} of ${totalRows} rows (${Math.floor((100 * rows) / totalRows)}%)`
    const seconds = (now() - begin.at) / 1000
    const perSecond = (rows - begin.rows) / seconds
    if (!(perSecond > 0 && Number.isFinite(perSecond))) return line
    const left = inTime((totalRows - rows) / perSecond)
    return `${line}, ${inBytes(perSecond * rowBytes)}/s, ${left} left`
  }
}

/** 75 -> 1:15, 3725 -> 1:02:05, 9 -> 9 s. */
export function inTime(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  const two = (value: number): string => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const start = hours > 0 ? `${hours}:${two(minutes)}` : `${minutes}`
  return `${start}:${two(whole % 60)}`
}
