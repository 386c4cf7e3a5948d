import { StemkitError } from '@stemkit/spec/errors'
import { literalEval } from '../../python/literal.ts'
import { pythonRepr } from '../../python/repr.ts'
import { splitWords, strip } from '../../python/text.ts'
import type { Row } from '../../tasks/rows.ts'
import { textIn } from './convert-choices.ts'

/** LAMBADA as MosaicML has it. */
export const lambadaRow = (row: Row): Row => ({ text: `${textIn(row, 'context')} ${textIn(row, 'continuation')}` })

interface MusrQuestion {
  readonly question: string
  readonly answer: number
  readonly choices: readonly string[]
}

/** MuSR: every story has questions, each of which is a row. Choices are a list as Python writes it. */
export const musrRows = (row: Row): Row[] =>
  (row['questions'] as readonly MusrQuestion[]).map(({ question, answer, choices }) => ({
    narrative: row['context'],
    question,
    choices: pythonRepr(choices),
    answer_index: answer,
    answer_choice: choices[answer],
  }))

/** WikiText as one file: a heading of the first level begins a page. */
export function wikitextRows(text: string): Row[] {
  const pages: string[][] = []
  for (const line of text.split('\n')) {
    const heading = strip(line.replaceAll('= = =', '===').replaceAll('= =', '=='))
    const begins = heading.startsWith('= ') && heading.endsWith(' =')
    if (begins || pages.length === 0) pages.push([])
    pages.at(-1)!.push(line)
  }
  return pages.map((lines) => ({ page: lines.join('\n') })).filter(({ page }) => strip(page) !== '')
}

/**
 * A prompt of LongBench taken apart again by the template that it was made with: that of its data set, or of another one, as
 * collections have it.
 * @throws corrupt where it was made with none of them
 */
export function longbenchRow(row: Row, dataset: string, templates: Readonly<Record<string, string>>): Row {
  const prompt = textIn(row, 'origin_prompt')
  const own = templates[dataset] ?? ''
  const parts = [own, ...Object.values(templates)].map((template) => takeApart(prompt, template)).find(Boolean)
  if (!parts) throw new StemkitError('corrupt', `a prompt of ${dataset} is made with no template of LongBench`)
  const gold = typeof row['gold'] === 'string' ? literalEval(row['gold']) : row['gold']
  const { answers, all_classes: classes = null } = Array.isArray(gold) ? { answers: gold as unknown } : (gold as Row)
  return {
    question: parts.input,
    context: parts.context,
    answers,
    length: splitWords(parts.context).length,
    dataset,
    language: /[\u4e00-\u9fff]/u.test(own) ? 'zh' : 'en',
    all_classes: classes,
  }
}

function takeApart(prompt: string, template: string): { context: string; input: string } | undefined {
  const hasInput = template.includes('{input}')
  const [before = '', between = '', after = ''] = template.split(/\{context\}|\{input\}/u)
  const end = hasInput ? after : between
  if (before === '' || !prompt.startsWith(before) || !prompt.endsWith(end)) return undefined
  const inside = prompt.slice(before.length, prompt.length - end.length)
  const seam = hasInput ? lastSeam(inside, between) : inside.length
  if (seam < 0) return undefined
  return { context: inside.slice(0, seam), input: hasInput ? inside.slice(seam + between.length) : '' }
}

/** What examples, and what is asked, begin with where only line ends stand between them. */
const OPENINGS = ['Question:', 'Dialogue:', 'Passage:']

function lastSeam(inside: string, between: string): number {
  if (strip(between) !== '') return inside.lastIndexOf(between)
  return Math.max(...OPENINGS.map((opening) => inside.lastIndexOf(`${between}${opening}`)))
}
