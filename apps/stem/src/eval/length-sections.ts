import { lengthBuckets, measureSamples, type EvalModel, type EvalRun, type LengthBucket } from '@stemkit/eval'
import type { Section } from '@stemkit/report'
import { mainScore, type ResultFile } from './task-scores.ts'

/** What the STEM paper's buckets span: 0-2k, 2-4k and so on. */
const WIDTH = 2048
const LEAST_WIDTH = 32
/** Buckets that prompts spread over which are all shorter than two of the paper's. */
const FEW = 8
/** From here on prompts share the last bucket. */
const LAST = 16

/** How scores change with the length of prompts; nothing where all prompts are of a length, or tokens cannot be counted. */
export async function lengthSections(
  run: EvalRun,
  file: ResultFile,
  { model, signal }: { readonly model: Pick<EvalModel, 'countTokens'>; readonly signal: AbortSignal },
): Promise<Section[]> {
  const { countTokens } = model
  if (!countTokens) return []
  const measured = []
  for (const [task, records] of Object.entries(run.samples)) {
    const main = mainScore(file, task)
    if (!main) continue
    const counted = records.filter(({ filter }) => filter === main.filter)
    // RULER's metrics are lengths, of which a sample has its own.
    const scored = counted.map((record) => {
      const length = record.doc['max_length']
      return /^\d+$/.test(main.metric)
        ? { arguments: record.arguments, score: record[String(length)] }
        : { arguments: record.arguments, score: record[main.metric] }
    })
    measured.push(...(await measureSamples(task, scored, 'score', { countTokens, signal })))
  }
  const longest = Math.max(0, ...measured.map(({ tokens }) => tokens))
  const width = longest >= 2 * WIDTH ? WIDTH : Math.max(LEAST_WIDTH, 2 ** Math.ceil(Math.log2((longest + 1) / FEW)))
  const { tasks, average } = lengthBuckets(measured, { width, last: LAST * width })
  if (average.filter(({ count }) => count > 0).length < 2) return []
  const names = average.map(bucketName)
  const hasMean = tasks.length > 1
  return [
    {
      kind: 'chart',
      heading: 'Scores by length of the prompt',
      chart: {
        type: 'heatmap',
        title: 'Mean of the main score of each task, by tokens of the prompt before it is cut.',
        x: { label: 'tokens of the prompt', values: names },
        y: { label: 'task', values: [...tasks.map(({ task }) => task), ...(hasMean ? ['mean of tasks'] : [])] },
        values: [...tasks.map(({ buckets }) => buckets), ...(hasMean ? [average] : [])].map((buckets) =>
          buckets.map(({ score }) => score ?? Number.NaN),
        ),
        value: { label: 'score', min: 0, max: 1 },
      },
    },
    {
      kind: 'table',
      heading: 'Samples by length of the prompt',
      columns: ['tokens', 'samples', hasMean ? 'mean of tasks' : 'score'],
      rows: average.map((bucket) => [
        bucketName(bucket),
        bucket.count.toLocaleString('en'),
        bucket.score === null ? '–' : bucket.score.toFixed(4),
      ]),
    },
  ]
}

const bucketName = ({ from, to }: LengthBucket): string =>
  to === null ? `${short(from)}+` : `${short(from)}–${short(to)}`

const short = (tokens: number): string => (tokens >= 1024 && tokens % 1024 === 0 ? `${tokens / 1024}k` : String(tokens))
