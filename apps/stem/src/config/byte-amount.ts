const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** Bytes of an amount of memory, as in `512MB`, `1.5GiB` or `8192`, units being powers of 1024; undefined for anything else. */
export function byteAmount(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:ib|b)?|b)?$/i.exec(text.trim()) ?? []
  const bytes = Math.floor(Number(amount) * UNITS[unit.toLowerCase()]!)
  return bytes > 0 ? bytes : undefined
}
