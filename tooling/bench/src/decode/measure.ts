import { StemkitError } from '@stemkit/spec/errors'
import type { BenchmarkOptions } from '../report.ts'
import { interleave, type Side, type Timing } from '../timing.ts'
import type { DecodeFormat, DecodeSide, Opened } from './decode-side.ts'
import { QUICK_SECTIONS, SECTIONS, type Section } from './sections.ts'

/** STEM and its dense twin by stemkit, the dense twin by llama.cpp. */
export type SideName = 'stem' | 'dense' | 'llamacpp'

/** A side, and the formats that it has weights in. */
export interface Contestant {
  readonly side: DecodeSide
  readonly formats: readonly DecodeFormat[]
}

export type Contestants = Readonly<Partial<Record<SideName, Contestant>>>

/** What one side took for a section. */
export interface Measured {
  readonly timing: Timing
  readonly opened: Opened
}

export interface MeasuredSection {
  readonly section: Section
  readonly sides: Readonly<Partial<Record<SideName, Measured>>>
}

/** Every section by all the sides that can, in turn, one running at a time. Sides are left paused. */
export async function measureSections(contestants: Contestants, options: BenchmarkOptions): Promise<MeasuredSection[]> {
  const { progress, quick = false, signal } = options
  const measured: MeasuredSection[] = []
  for (const section of sectionsOf(options)) {
    const able = Object.entries(contestants).filter(([, { formats }]) => formats.includes(section.work.format))
    if (able.length === 0) continue
    const opened = new Map<string, Opened>()
    for (const [name, { side }] of able) {
      signal?.throwIfAborted()
      opened.set(name, await openAlone(side, section))
      progress(`${section.name}  ${name}: ${JSON.stringify(opened.get(name))}`)
    }
    const times: Record<string, Timing> = await interleave(sidesOf(able), {
      // What has no target is there to be seen, and need not be as certain.
      ...(quick || section.target === null ? { rounds: quick ? 2 : 3, warmUp: 1 } : {}),
      progress: (line) => progress(`${section.name}  ${line}`),
      ...(signal ? { signal } : {}),
    })
    for (const [, { side }] of able) side.pause()
    const sides = able.map(([name]) => [name, { timing: times[name]!, opened: opened.get(name)! }] as const)
    measured.push({ section, sides: Object.fromEntries(sides) })
  }
  if (measured.length === 0) throw new StemkitError('unsupported', 'bench decode: no side has a format to measure')
  return measured
}

/** What is measured. */
export const sectionsOf = ({ quick = false, only }: Pick<BenchmarkOptions, 'quick' | 'only'>): readonly Section[] =>
  SECTIONS.filter(
    ({ name }) => (!quick || QUICK_SECTIONS.has(name)) && (only?.some((part) => name.includes(part)) ?? true),
  )

const sidesOf = (able: readonly (readonly [string, Contestant])[]): Record<string, Side> =>
  Object.fromEntries(able.map(([name, { side }]) => [name, side]))

async function openAlone(side: DecodeSide, { work }: Section): Promise<Opened> {
  side.resume()
  try {
    return await side.open(work)
  } finally {
    side.pause()
  }
}
