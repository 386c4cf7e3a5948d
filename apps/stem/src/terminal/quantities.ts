/** 1536 -> 1.50 KiB; three digits, powers of 1024. */
export function inBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  return scaled(bytes, 1024, units, ' ')
}

/** 1234567 -> 1.23 M; three digits, powers of 1000, whole numbers below 10,000 as they are. */
export function inThousands(count: number): string {
  if (Number.isInteger(count) && Math.abs(count) < 10_000) return String(count)
  return scaled(count, 1000, ['', 'k', 'M', 'G', 'T', 'P', 'E'], ' ')
}

export const inPercent = (share: number): string => `${(100 * share).toFixed(1)}%`

function scaled(value: number, base: number, units: readonly string[], space: string): string {
  let [rest, unit] = [value, 0]
  // 1023.7 would be printed as 1024.
  while (Math.round(rest) >= base && unit < units.length - 1) [rest, unit] = [rest / base, unit + 1]
  const digits = Number.isInteger(rest) && unit === 0 ? String(rest) : rest.toPrecision(rest >= 1000 ? 4 : 3)
  return `${digits}${units[unit] === '' ? '' : space}${units[unit]}`
}
