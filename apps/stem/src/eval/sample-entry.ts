import type { SampleRecord } from '@stemkit/eval'
import type { Entry } from '@stemkit/report'

/** Characters of one text on the page; of longer ones the beginning and the end are shown. */
const MOST = 2400
/** Of a choice, which may be a paragraph. */
const MOST_OF_CHOICE = 300
/** Of the line that opens an entry. */
const MOST_OF_TITLE = 60

/** A sample as it is shown: prompt, choices with their log-probabilities, answers, scores. */
export function sampleEntry(sample: SampleRecord, metric: string | undefined): Entry {
  const requests = sample.arguments as readonly (readonly unknown[])[]
  const answers = sample.resps as readonly (readonly unknown[])[]
  const isScored = typeof requests[0]?.[1] === 'string'
  const value = metric === undefined ? undefined : sample[metric]
  const prompts = new Set(requests.map(([prompt]) => String(prompt)))
  const shared = prompts.size === 1
  return {
    title: `${sample.doc_id} · ${valuesOf(sample)} · ${endOf([...prompts][0] ?? '')}`,
    ...(typeof value === 'number' && { mark: markOf(value) }),
    texts: [
      ...(shared ? [{ label: 'prompt', text: cut([...prompts][0] ?? '', MOST) }] : []),
      ...(isScored ? [] : answersOf(sample, answers)),
      // Of choices, the table says which is right.
      ...(isScored && typeof sample.target === 'number'
        ? []
        : [{ label: 'target', text: cut(textOf(sample.target), MOST_OF_CHOICE) }]),
    ],
    ...(isScored
      ? { table: choiceTable(sample, requests, answers, shared) }
      : typeof answers[0]?.[0] === 'number' && {
          table: { columns: ['text', 'log-probability'], rows: [['whole', fixed(answers[0][0])]] },
        }),
  }
}

const markOf = (value: number): NonNullable<Entry['mark']> =>
  value === 1
    ? { text: 'right', tone: 'good' }
    : value === 0
      ? { text: 'wrong', tone: 'bad' }
      : { text: value.toFixed(2) }

const valuesOf = (sample: SampleRecord): string =>
  sample.metrics.flatMap((name) => (isShare(sample[name]) ? [`${name} ${short(sample[name])}`] : [])).join(', ') ||
  'no score of its own'

/** What is recorded for totals that are no mean, such as perplexities, means nothing by itself. */
const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1

function answersOf(sample: SampleRecord, answers: readonly (readonly unknown[])[]) {
  const texts = answers.flat().filter((answer) => typeof answer === 'string')
  const filtered = textOf(sample.filtered_resps)
  const isChanged = sample.filter !== 'none' && filtered !== texts[0]
  return [
    ...texts.map((text, i) => ({
      label: texts.length > 1 ? `answer ${i + 1}` : 'answer',
      text: text === '' ? '(nothing)' : cut(text, MOST),
    })),
    ...(isChanged ? [{ label: `after the filter ${sample.filter}`, text: cut(filtered, MOST_OF_CHOICE) }] : []),
  ]
}

function choiceTable(
  sample: SampleRecord,
  requests: readonly (readonly unknown[])[],
  answers: readonly (readonly unknown[])[],
  shared: boolean,
): NonNullable<Entry['table']> {
  const scored = requests.map(([context, continuation], i) => {
    const [logprob, greedy] = (answers[i]?.[0] ?? []) as readonly [number, boolean]
    const text = String(continuation)
    return {
      text: shared ? text : `${cut(String(context), MOST_OF_CHOICE)}${text}`,
      length: [...text].length,
      logprob,
      greedy,
    }
  })
  const best = Math.max(...scored.map(({ logprob }) => logprob))
  const isChoice = scored.length > 1
  const rows = scored.map(({ text, length, logprob, greedy }, i) => [
    cut(text.trim(), MOST_OF_CHOICE),
    fixed(logprob),
    fixed(logprob / length),
    greedy ? 'yes' : 'no',
    ...(isChoice
      ? [[isTarget(sample.target, i, text) && 'right', logprob === best && 'likeliest'].filter(Boolean).join(', ')]
      : []),
  ])
  return {
    columns: ['continuation', 'log-probability', 'per character', 'greedy', ...(isChoice ? [''] : [])],
    rows,
  }
}

const isTarget = (target: unknown, index: number, text: string): boolean =>
  [target].flat().some((each) => (typeof each === 'number' ? each === index : String(each).trim() === text.trim()))

const fixed = (value: unknown): string =>
  typeof value === 'number' ? value.toFixed(4).replace(/^-/, '\u2212') : String(value)

const short = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(3))

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** The end of a prompt is what is asked. */
function endOf(prompt: string): string {
  const characters = Array.from(prompt.replaceAll(/\s+/gu, ' ').trim())
  return characters.length <= MOST_OF_TITLE ? characters.join('') : `…${characters.slice(-MOST_OF_TITLE).join('')}`
}

function cut(text: string, most: number): string {
  const characters = Array.from(text)
  if (characters.length <= most) return text
  const half = Math.floor(most / 2)
  const left = characters.length - 2 * half
  return `${characters.slice(0, half).join('')}\n[… ${left} characters …]\n${characters.slice(-half).join('')}`
}
