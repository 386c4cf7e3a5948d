import { StemkitError } from '@stemkit/spec/errors'
import * as z from 'zod'
import { STRATEGIES, type Strategy } from './strategies.ts'

const tokenIds = z.array(z.int().nonnegative()).min(1)
// Half a character would be read as U+FFFD, whose rows nobody means.
const text = z.string().min(1).refine(isWellFormed, 'a text has no half of a surrogate pair')
const tokens = z.union([tokenIds, text])
const strategy = z.union([z.enum(STRATEGIES), z.array(z.enum(STRATEGIES)).min(1)])

/** What names of edits and users are held to: each is a part of an overlay's name, and of a path at a server. */
export const NAME_RULE = "no spaces, slashes or control characters, at most 100 characters, and is not '.' or '..'"

const common = {
  name: z.string().refine(isName, `a name has ${NAME_RULE}`),
  source: tokens,
  layers: z.union([z.literal('all'), z.array(z.int().nonnegative()).min(1)]).default('all'),
  spaces: z.enum(['both', 'with', 'without']).default('both'),
}
const bridged = {
  ...common,
  target: tokens,
  strategy: strategy.default('one_to_one'),
  padId: tokenIds.element.optional(),
}
const amount = z.number()

const schema = z.discriminatedUnion('operation', [
  z.strictObject({ operation: z.literal('swap'), ...bridged }),
  z.strictObject({ operation: z.literal('overwrite'), ...bridged }),
  z.strictObject({ operation: z.literal('mean'), ...common, target: tokens }),
  z.strictObject({ operation: z.literal('interpolate'), ...bridged, amount }),
  z.strictObject({
    operation: z.literal('add'),
    ...common,
    vector: z.array(z.array(z.number()).min(1)).min(1),
    amount: amount.default(1),
  }),
  z.strictObject({
    operation: z.literal('set'),
    ...common,
    source: tokenIds,
    values: z.array(z.array(z.array(z.number()).min(1)).min(1)).min(1),
  }),
  z.strictObject({ operation: z.literal('reset'), ...common }),
])

/** See `NAME_RULE`. */
export function isName(name: string): boolean {
  return /^[^\s/\p{Cc}\p{Cs}]{1,100}$/u.test(name) && name !== '.' && name !== '..'
}

function isWellFormed(value: string): boolean {
  return value.isWellFormed()
}

/** Ids of tokens, or a text. */
export type Tokens = string | readonly number[]

/**
 * An edit as somebody writes it. What changes are the tokens of `source`, by `operation`:
 *
 * - `overwrite` (the default): they get the rows of `target`;
 * - `swap`: and those of `target` get theirs;
 * - `mean`: each of them gets the mean of the target's rows;
 * - `interpolate`: rows between their own (`amount` 0) and those of `target` (1);
 * - `add`: `amount` (default 1) times `vector` is added to theirs;
 * - `set`: they get `values`, such as rows that were fitted; `source` is ids;
 * - `reset`: they are again as they were before all edits.
 */
export interface EditInput {
  readonly name: string
  readonly operation?: Operation | undefined
  readonly source: Tokens
  readonly target?: Tokens | undefined
  /** How unequal numbers of tokens are bridged; of several the first that suits. Default `one_to_one`. */
  readonly strategy?: Strategy | readonly Strategy[] | undefined
  /** An ordinary token whose row fills up, for strategies that pad. */
  readonly padId?: number | undefined
  /** STEM layers, counted from 0. Default: all. */
  readonly layers?: 'all' | readonly number[] | undefined
  /** Whether texts are found with a space before them, without one, or both, the default. */
  readonly spaces?: 'both' | 'with' | 'without' | undefined
  readonly amount?: number | undefined
  /** d_ff numbers for each of `layers`. */
  readonly vector?: readonly (readonly number[])[] | undefined
  /** For each token of the source: d_ff numbers for each of `layers`. */
  readonly values?: readonly (readonly (readonly number[])[])[] | undefined
}

/** An edit, checked and complete; JSON holds all of it. */
export type Edit = Readonly<z.output<typeof schema>>
export type Operation = Edit['operation']

/** @throws bad-input naming what is missing, unknown or impossible */
export function parseEdit(input: unknown): Edit {
  const isObject = typeof input === 'object' && input !== null && !Array.isArray(input)
  const result = schema.safeParse(isObject ? { operation: 'overwrite', ...given(input) } : input)
  if (!result.success) {
    const { path, message } = result.error.issues[0]!
    throw new StemkitError('bad-input', `edit: ${path.length > 0 ? `${path.join('.')}: ` : ''}${message}`)
  }
  return result.data
}

/** The strategies of an edit, first choice first; none where tokens are not paired. */
export const strategiesOf = (edit: Edit) => ('strategy' in edit ? [edit.strategy].flat() : [])

/** Without what is undefined, which counts as not being there. */
const given = (input: object): object =>
  Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
