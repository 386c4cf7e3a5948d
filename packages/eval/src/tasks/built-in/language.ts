import { SPACE_CLASS } from '../../python/text.ts'
import { rollingScores } from '../../scores/score-document.ts'
import type { Processors } from '../processors.ts'
import type { TaskDefinition } from '../task-definition.ts'

/** How well text itself is predicted. */
export const language: readonly TaskDefinition[] = [
  {
    task: 'lambada_openai',
    tag: 'lambada',
    dataset_path: 'EleutherAI/lambada_openai',
    dataset_name: 'default',
    output_type: 'loglikelihood',
    test_split: 'test',
    doc_to_text: "{{text.split(' ')[:-1]|join(' ')}}",
    doc_to_target: "{{' '+text.split(' ')[-1]}}",
    metric_list: [
      { metric: 'perplexity', aggregation: 'perplexity', higher_is_better: false },
      { metric: 'acc', aggregation: 'mean', higher_is_better: true },
    ],
    metadata: { version: 1 },
  },
  {
    task: 'wikitext',
    dataset_path: 'EleutherAI/wikitext_document_level',
    dataset_name: 'wikitext-2-raw-v1',
    output_type: 'loglikelihood_rolling',
    training_split: 'train',
    validation_split: 'validation',
    test_split: 'test',
    doc_to_text: '',
    doc_to_target: { processor: 'wikitext_detokenized' },
    process_results: 'wikitext',
    metric_list: [{ metric: 'word_perplexity' }, { metric: 'byte_perplexity' }, { metric: 'bits_per_byte' }],
    metadata: { version: 2 },
  },
]

export const languageProcessors: Processors = {
  fields: { wikitext_detokenized: (row) => detokenizeWikitext(String(row.page)) },
  // The words are those of the page, the likelihood is that of the detokenized text.
  results: { wikitext: (row, [logprob]) => rollingScores(logprob as number, String(row.page)) },
}

const s = `[${SPACE_CLASS}]*`
/** Nested pairs are matched from the first opening mark to the first closing one. */
const pairs: readonly (readonly [RegExp, string])[] = [
  [new RegExp(String.raw`\(${s}([^)]*?)${s}\)`, 'gu'), '($1)'],
  [new RegExp(String.raw`\[${s}([^\]]*?)${s}\]`, 'gu'), '[$1]'],
  [new RegExp(String.raw`\{${s}([^}]*?)${s}\}`, 'gu'), '{$1}'],
  [new RegExp(`"${s}([^"]*?)${s}"`, 'gu'), '"$1"'],
  [new RegExp(`'${s}([^']*?)${s}'`, 'gu'), "'$1'"],
]

const before: readonly (readonly [string, string])[] = [
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
  ...[':', ';', '.', '!', '?', ','].map((mark) => [` ${mark} `, `${mark} `] as const),
]

const after: readonly (readonly [string, string])[] = [
  ['= = = =', '===='],
  ['= = =', '==='],
  ['= =', '=='],
  [' \u00b0 ', '\u00b0'],
  [' \n', '\n'],
  ['\n ', '\n'],
  [' N ', ' 1 '],
  [" 's", "'s"],
]

/** Text as it is usually written, from the tokens of WikiText. The steps and their order are those of lm-evaluation-harness. */
export function detokenizeWikitext(page: string): string {
  const contracted = page.replaceAll("s '", "s'").replaceAll(/\/' [0-9]\//g, "/'[0-9]/")
  const replaced = before.reduce((text, [from, to]) => text.replaceAll(from, to), contracted)
  const joined = pairs.reduce((text, [pair, to]) => text.replaceAll(pair, to), replaced)
  return after.reduce((text, [from, to]) => text.replaceAll(from, to), joined)
}
