import type { GenerationArguments } from './requests.ts'

const DEFAULT_MAX_TOKENS = 256
/** In this order of precedence. */
const lengths = ['max_gen_toks', 'max_new_tokens', 'max_tokens', 'max_completion_tokens'] as const

/** What a model gets of the generation arguments of a task: one name for the length, a list of stops, no temperature for greedy decoding. */
export function normalizeGenerationArguments(given: Readonly<Record<string, unknown>>): GenerationArguments {
  const rest = Object.fromEntries(
    Object.entries(given).filter(([name]) => !(lengths as readonly string[]).includes(name)),
  )
  const length = lengths.map((name) => given[name]).find((value) => value !== undefined && value !== null)
  const { until = [], temperature = 0 } = given
  const doSample = typeof given.do_sample === 'boolean' ? given.do_sample : Number(temperature) > 0
  return {
    ...rest,
    until: (Array.isArray(until) ? until : [until]) as string[],
    max_gen_toks: Math.trunc(Number(length ?? DEFAULT_MAX_TOKENS)),
    do_sample: doSample,
    ...(given.do_sample === false && { temperature: 0 }),
  }
}

/** The texts at which generation stops: those of the task and, where the model has one, its end of text. */
export function stopList(until: string | readonly string[] | null | undefined, endOfText?: string | null): string[] {
  const stops = typeof until === 'string' ? [until] : [...(until ?? [])]
  if (typeof endOfText === 'string' && !stops.includes(endOfText)) stops.push(endOfText)
  return stops
}
