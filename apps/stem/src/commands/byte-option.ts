import { InvalidArgumentError } from 'commander'

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** Parses an amount of memory: `512MiB`, `1.5G`, `8192`. Units are powers of 1024. */
export function byteCount(value: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:ib|b)?|b)?$/i.exec(value.trim()) ?? []
  const bytes = Math.floor(Number(amount) * UNITS[unit.toLowerCase()]!)
  if (!(bytes > 0)) throw new InvalidArgumentError('It must be an amount of memory, as in 512MiB or 2G.')
  return bytes
}
