/** How text is generated, in the harness's own names. */
export interface GenerationArguments {
  /** Where to stop; an answer ends before the first of them. */
  readonly until: readonly string[]
  readonly max_gen_toks: number
  readonly do_sample: boolean
  readonly temperature?: number
  readonly [name: string]: unknown
}

/** How likely is this continuation of that context? */
export interface LoglikelihoodRequest {
  readonly kind: 'loglikelihood'
  readonly context: string
  readonly continuation: string
}

/** How likely is this text, from its first token on? */
export interface RollingRequest {
  readonly kind: 'loglikelihood_rolling'
  readonly text: string
}

/** How does this context go on? */
export interface GenerateRequest {
  readonly kind: 'generate_until'
  readonly context: string
  readonly arguments: GenerationArguments
  /** Which of several answers to the same context: they differ where they are sampled. Default 0. */
  readonly repeat?: number
}

/** The three questions that a harness asks of a model, about text. */
export type EvalRequest = LoglikelihoodRequest | RollingRequest | GenerateRequest

/** Natural-log probability of a continuation, summed over its tokens, and whether each was the model's first choice. */
export interface LoglikelihoodAnswer {
  readonly kind: 'loglikelihood'
  readonly logprob: number
  readonly greedy: boolean
}

export interface RollingAnswer {
  readonly kind: 'loglikelihood_rolling'
  readonly logprob: number
}

export interface GenerateAnswer {
  readonly kind: 'generate_until'
  readonly text: string
}

export type EvalAnswer = LoglikelihoodAnswer | RollingAnswer | GenerateAnswer

export type AnswerTo<R extends EvalRequest> = Extract<EvalAnswer, { kind: R['kind'] }>
