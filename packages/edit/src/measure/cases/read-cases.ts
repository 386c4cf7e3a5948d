import { StemkitError } from '@stemkit/spec/errors'
import * as z from 'zod'
import type { EditCase, Fact, Question } from './edit-case.ts'

/**
 * - `counterfact`: CounterFact as ROME published it (Meng et al., 2022; `counterfact.json`);
 * - `easyedit`: CounterFact and others as EasyEdit writes them (Wang et al., 2023): `prompt`, `target_new`, `ground_truth`;
 * - `zsre`: zsRE as MEND and, unchanged, EasyEdit write it (Mitchell et al., 2022; `zsre_mend_*.json`): `src`, `alt`, `loc`;
 * - `stemkit`: the fields of `EditCase`; only `subject`, `prompt` and `answer` are needed.
 */
export type CaseFormat = 'counterfact' | 'easyedit' | 'zsre' | 'stemkit'

const text = z.string().min(1)
/** One or several; '' and null are none. */
const texts = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((value) => (value ? [value].flat().filter((each) => each !== '') : []))
const id = z.union([z.string(), z.number()]).transform(String).optional()

const counterfact = z
  .object({
    case_id: id,
    requested_rewrite: z.object({
      prompt: text,
      subject: text,
      relation_id: text.optional(),
      target_new: z.object({ str: text }),
      target_true: z.object({ str: text }),
    }),
    paraphrase_prompts: texts,
    neighborhood_prompts: texts,
    generation_prompts: texts,
  })
  .transform(({ case_id, requested_rewrite: rewrite, ...given }): Draft => ({
    id: case_id,
    subject: rewrite.subject,
    relation: rewrite.relation_id,
    prompt: rewrite.prompt.replace('{}', () => rewrite.subject),
    answer: rewrite.target_new.str,
    truth: rewrite.target_true.str,
    paraphrases: given.paraphrase_prompts,
    // Neighbours are subjects of which the old answer is true.
    neighbours: given.neighborhood_prompts.map((prompt) => ({ prompt, answer: rewrite.target_true.str })),
    generation: given.generation_prompts,
  }))

/** KnowEdit's answers are lists of aliases, of which the first is the answer. */
const knowEdit = z.record(
  z.string(),
  z.array(z.object({ prompt: text, ground_truth: z.union([text, z.array(z.union([text, z.array(text)]))]) })),
)
const portability = z
  .union([
    z
      .object({ 'New Question': text, 'New Answer': text })
      .transform((q) => [{ prompt: q['New Question'], answer: q['New Answer'] }]),
    knowEdit.transform((groups) =>
      Object.values(groups).flatMap((group) =>
        group.map(({ prompt, ground_truth }) => ({ prompt, answer: [ground_truth].flat(2)[0]! })),
      ),
    ),
  ])
  .optional()

const easyedit = z
  .object({
    case_id: id,
    prompt: text,
    subject: text,
    // Now and then there is none.
    target_new: z.string(),
    ground_truth: texts,
    relation_id: text.optional(),
    rephrase_prompt: texts,
    locality_prompt: texts,
    locality_ground_truth: texts,
    locality: knowEdit.optional(),
    portability_prompt: texts,
    portability_ground_truth: texts,
    portability,
  })
  .transform((given): Draft => ({
    id: given.case_id,
    subject: given.subject,
    relation: given.relation_id,
    prompt: given.prompt,
    answer: given.target_new,
    truth: given.ground_truth[0],
    paraphrases: given.rephrase_prompt,
    neighbours: [
      ...paired(given.locality_prompt, given.locality_ground_truth),
      ...Object.values(given.locality ?? {}).flatMap((group) =>
        group.map(({ prompt, ground_truth }) => ({ prompt, answer: [ground_truth].flat(2)[0]! })),
      ),
    ],
    portability: [...paired(given.portability_prompt, given.portability_ground_truth), ...(given.portability ?? [])],
  }))

const zsre = z
  .object({
    case_id: id,
    subject: text,
    src: text,
    alt: z.string(),
    answers: texts,
    pred: z.string().optional(),
    rephrase: texts,
    loc: texts,
    loc_ans: texts,
    portability,
  })
  .transform((given): Draft => ({
    id: given.case_id,
    subject: given.subject,
    prompt: given.src,
    answer: given.alt,
    truth: given.answers[0] ?? given.pred,
    paraphrases: given.rephrase,
    // ROME asks them with a question mark, which the file leaves out.
    neighbours: paired(
      given.loc.map((prompt) => (prompt.endsWith('?') ? prompt : `${prompt}?`)),
      given.loc_ans.slice(0, given.loc.length),
    ),
    portability: given.portability ?? [],
  }))

const question = z.strictObject({ prompt: text, answer: text })
const stemkit = z.strictObject({
  id,
  subject: text,
  relation: text.optional(),
  prompt: text,
  answer: text,
  truth: text.optional(),
  donor: text.optional(),
  paraphrases: z.array(text).optional(),
  neighbours: z.array(question).optional(),
  portability: z.array(question).optional(),
  generation: z.array(text).optional(),
  references: z.array(text).optional(),
})

/** What a record gives; the rest is filled in. */
type Draft = { readonly [K in keyof EditCase]?: EditCase[K] | undefined } & Pick<
  EditCase,
  'subject' | 'prompt' | 'answer'
>

const SCHEMAS: Record<CaseFormat, z.ZodType<Draft>> = { counterfact, easyedit, zsre, stemkit }

/**
 * Reads cases from a text: a JSON list, or JSON lines. Which format they are in is told by the first.
 * @throws bad-input naming the case and what is wrong with it
 */
export function readCases(content: string): { readonly format: CaseFormat; readonly cases: EditCase[] } {
  const records = readRecords(content)
  const format = formatOf(records[0])
  const cases = records.map((record, index) => caseOf(parsed(SCHEMAS[format], record, `case ${index}`), index))
  return { format, cases }
}

const fact = z.union([
  z.object({ subject: text, answer: text, relation: text.optional() }),
  // ROME's known_1000.
  z
    .object({ subject: text, attribute: text, relation_id: text.optional() })
    .transform(({ subject, attribute, relation_id: relation }) => ({ subject, answer: attribute, relation })),
])

/** Reads facts in whose subjects answers are looked for: `{ subject, answer, relation? }`, or known_1000. @throws bad-input */
export const readFacts = (content: string): Fact[] =>
  readRecords(content).map((record, index) => parsed(fact, record, `fact ${index}`))

function readRecords(content: string): unknown[] {
  const records = content.trimStart().startsWith('[') ? jsonOf(content, 'the list') : undefined
  if (Array.isArray(records)) return records as unknown[]
  const lines = content.split('\n').filter((line) => line.trim() !== '')
  if (lines.length > 0) return lines.map((line, i) => jsonOf(line, `line ${i + 1}`))
  throw new StemkitError('bad-input', 'cases: there are none')
}

function jsonOf(content: string, where: string): unknown {
  try {
    return JSON.parse(content)
  } catch (error) {
    throw new StemkitError('bad-input', `cases: ${where} is no JSON: ${(error as Error).message}`)
  }
}

function formatOf(record: unknown): CaseFormat {
  const has = (key: string): boolean => typeof record === 'object' && record !== null && key in record
  if (has('requested_rewrite')) return 'counterfact'
  if (has('target_new')) return 'easyedit'
  if (has('src') && has('alt')) return 'zsre'
  if (has('subject') && has('answer')) return 'stemkit'
  throw new StemkitError(
    'bad-input',
    'cases: the first is none of CounterFact, zsRE, or { subject, prompt, answer }; give such a file',
  )
}

function parsed<T>(schema: z.ZodType<T>, record: unknown, where: string): T {
  const result = schema.safeParse(record)
  if (result.success) return result.data
  const { path, message } = result.error.issues[0]!
  throw new StemkitError('bad-input', `cases: ${where}${path.length > 0 ? `, ${path.join('.')}` : ''}: ${message}`)
}

const caseOf = (draft: Draft, index: number): EditCase => ({
  ...draft,
  id: draft.id ?? `${index}`,
  paraphrases: draft.paraphrases ?? [],
  neighbours: draft.neighbours ?? [],
  portability: draft.portability ?? [],
  generation: draft.generation ?? [],
  references: draft.references ?? [],
})

const paired = (prompts: readonly string[], answers: readonly string[]): Question[] =>
  prompts.flatMap((prompt, i) => (answers[i] === undefined ? [] : [{ prompt, answer: answers[i] }]))
