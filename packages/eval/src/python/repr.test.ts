import { describe, expect, it } from 'vitest'
import recorded from '../../fixtures/python/text.json' with { type: 'json' }
import { floatRepr, pythonRepr, pythonStr } from './repr.ts'

const fromHex = (text: string) => {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)0x(\d)(?:\.([\da-f]+))?p([+-]\d+)$/.exec(text) ?? []
  const mantissa = Number.parseInt(`${whole}${fraction}`, 16) * 16 ** -fraction.length
  return (sign ? -1 : 1) * mantissa * 2 ** Number(exponent)
}
const special: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: Number.NaN }

describe('values as Python prints them', () => {
  it.each(recorded.floats)('prints the float %s as %s', (hex, repr) => {
    expect(floatRepr(special[hex] ?? fromHex(hex))).toBe(repr)
  })

  it.each(recorded.values)('prints $json', ({ json, repr, str }) => {
    const value: unknown = /^\d{17,}$/.test(json) ? BigInt(json) : JSON.parse(json)
    expect(pythonRepr(value)).toBe(repr)
    expect(pythonStr(value)).toBe(str)
  })

  it('refuses what JSON cannot hold', () => {
    expect(() => pythonStr([undefined])).toThrow('a undefined has no form in Python')
  })
})
