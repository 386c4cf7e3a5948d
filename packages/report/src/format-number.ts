const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹'

/**
 * A number as a person reads it: up to four significant digits, SI prefixes from ten thousand on, powers of ten where
 * there is no prefix. 3.14159 -> 3.142, 12345678 -> 12.35M, 3e-5 -> 3×10⁻⁵.
 */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? '–' : value > 0 ? '∞' : '−∞'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e21)) return formatPower(value)
  // Rounded before the prefix is chosen: 999,999 is 1M, not 1000k.
  const rounded = Number(value.toPrecision(4))
  const { unit, sign } = prefixOf(Math.abs(rounded))
  return withMinus(`${(rounded / unit).toLocaleString('en', { maximumSignificantDigits: 4 })}${sign}`)
}

/** The prefix that a number is best said with: 1 below ten thousand, then steps of a thousand. */
export function prefixOf(size: number): { unit: number; sign: string } {
  const step = size < 1e4 ? 0 : Math.min(PREFIXES.length - 1, Math.floor(Math.log10(size) / 3 + 1e-12))
  return { unit: 1000 ** step, sign: PREFIXES[step]! }
}

/** 0.00012 -> 1.2×10⁻⁴, 1000 -> 10³. */
export function formatPower(value: number): string {
  const [mantissa, exponent] = Number(value.toPrecision(4)).toExponential().split('e') as [string, string]
  const power = `10${superscript(Number(exponent))}`
  return withMinus(mantissa === '1' ? power : mantissa === '-1' ? `-${power}` : `${mantissa}×${power}`)
}

const superscript = (exponent: number): string =>
  (exponent < 0 ? '⁻' : '') + String(Math.abs(exponent)).replace(/\d/g, (digit) => SUPERSCRIPTS[Number(digit)]!)

const withMinus = (text: string): string => text.replace(/^-/, '−')
