import type { GenerateOptions } from '@stemkit/generate'

/** The fields of a request that say how tokens are chosen. */
export interface SamplingFields {
  readonly temperature?: number | null | undefined
  readonly top_p?: number | null | undefined
  readonly top_k?: number | null | undefined
  readonly min_p?: number | null | undefined
  readonly repetition_penalty?: number | null | undefined
  readonly seed?: number | null | undefined
  readonly stop?: string | readonly string[] | null | undefined
  readonly logit_bias?: Readonly<Record<string, number>> | null | undefined
}

/** What the engine is asked for. `choice`: which of several texts for one prompt it is, so that they differ. */
export function samplingOf(fields: SamplingFields, choice: number): GenerateOptions {
  const { temperature, top_p: topP, top_k: topK, min_p: minP, repetition_penalty: penalty, seed, stop } = fields
  return {
    temperature: temperature ?? 1,
    // Nothing but the likeliest token reaches a share of nothing.
    topP: topP || 1,
    topK: topP === 0 ? 1 : Math.max(0, topK ?? 0),
    minP: minP ?? 0,
    repetitionPenalty: penalty ?? 1,
    ...(typeof seed === 'number' && { seed: seed + choice }),
    ...(stop && { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(fields.logit_bias && { logitBias: fields.logit_bias }),
  }
}
