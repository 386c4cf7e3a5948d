import { describe, expect, test } from 'vitest'
import { style } from '../style.ts'
import { COLOURS, heatColour, inkOn } from './palette.ts'

function luminance(colour: string): number {
  const digits = colour.length === 4 ? colour.replace(/[0-9a-f]/g, '$&$&') : colour
  const [r, g, b] = digits.match(/[0-9a-f]{2}/g)!.map((part) => {
    const value = Number.parseInt(part, 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** As WCAG defines it, from 1 to 21. */
function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].toSorted((x, y) => x - y) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

/** The colours of the light page, then of the dark one. */
const schemes = [...style.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) =>
  Object.fromEntries([...body!.matchAll(/--([\w-]+): (#[0-9a-f]+)/g)].map(([, name, colour]) => [name!, colour!])),
)

describe.each([
  ['light', schemes[0]!],
  ['dark', schemes[1]!],
])('on a %s page', (_name, colours) => {
  test('text can be read', () => {
    for (const paper of ['paper', 'card'])
      for (const ink of ['ink', 'quiet'])
        expect(contrast(colours[ink]!, colours[paper]!), `${ink} on ${paper}`).toBeGreaterThan(4.5)
    expect(contrast(colours['accent']!, colours['paper']!)).toBeGreaterThan(4.5)
  })

  test('series can be seen', () => {
    for (let i = 0; i < COLOURS; i++)
      expect(contrast(colours[`series-${i}`]!, colours['paper']!), `series ${i}`).toBeGreaterThan(3)
  })
})

test('numbers in the cells of a heat map can be read', () => {
  for (const diverging of [false, true])
    for (let share = 0; share <= 1; share += 0.05) {
      const colour = heatColour(share, diverging)
      expect(contrast(colour, inkOn(colour)), `${colour} at ${share}`).toBeGreaterThan(4.5)
    }
})
