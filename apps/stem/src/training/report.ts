import { loadModel } from '@stemkit/generate/node'
import type { Point, Section, Series } from '@stemkit/report'
import type { TrainStep } from '@stemkit/train'
import { writeFileAtomically } from '@stemkit/weights/node'
import type { RunResult } from './run.ts'
import { summaryOf } from './summary.ts'

const PROMPTS = ['The', 'We must', 'In the year']

/** Writes the report of one run, or of several that are compared; returns its path. */
export async function writeReport(
  path: string,
  title: string,
  results: readonly RunResult[],
  signal: AbortSignal,
): Promise<string> {
  const summaries = results.map(summaryOf)
  const [first] = results
  const best = summaries.toSorted((a, b) => a.heldOut - b.heldOut)[0]!
  // Loaded when it is needed: charts take longer to load than all the rest.
  const { renderReport } = await import('@stemkit/report')
  const html = renderReport({
    title,
    summary:
      `${results.map(({ label }) => label).join(' and ')}, trained on ${first!.prepared.train.report.documents} documents ` +
      `(${first!.prepared.train.tokens.length.toLocaleString('en')} tokens), judged on ${first!.prepared.heldOut.report.documents} others.`,
    facts: [
      { label: 'held-out loss', value: best.heldOut.toFixed(3), note: `${best.label}, nats per token` },
      { label: 'pairs of tokens', value: best.bigram.toFixed(3), note: 'bigram model, same tokens' },
      { label: 'tokens seen', value: best.tokens.toLocaleString('en') },
      {
        label: 'speed',
        value: `${Math.round(best.tokensPerSecond).toLocaleString('en')}/s`,
        note: 'tokens, median step',
      },
    ],
    sections: [
      lossByStep(results),
      lossByFlops(results),
      {
        kind: 'table',
        heading: 'Models',
        columns: ['model', 'held-out loss', 'MFLOP/token', 'active', 'in tables', 'in all', 'tokens/s', 'utilisation'],
        rows: results.map((result, i) => {
          const { label, heldOut, flopsPerToken, parameters, tokensPerSecond } = summaries[i]!
          return [
            label,
            heldOut.toFixed(3),
            (flopsPerToken / 1e6).toFixed(1),
            millions(parameters.active),
            millions(parameters.table),
            millions(parameters.total),
            Math.round(tokensPerSecond).toLocaleString('en'),
            `${Math.round(100 * median(result.steps.map(({ mfu = 0 }) => mfu)))} %`,
          ]
        }),
      },
      await samples(results, signal),
      {
        kind: 'code',
        heading: 'Model',
        code: results.map(({ label, prepared }) => `${label}: ${JSON.stringify(prepared.model, null, 2)}`).join('\n\n'),
      },
    ],
  })
  await writeFileAtomically(path, html)
  return path
}

const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

const curve = (steps: readonly TrainStep[], x: (step: TrainStep) => number): Point[] =>
  steps.map((step): Point => [x(step), step.loss])

const heldOutCurve = (steps: readonly TrainStep[], x: (step: TrainStep) => number): Point[] =>
  steps.flatMap((step): Point[] => (step.evaluation ? [[x(step), step.evaluation.loss]] : []))

function lossByStep(results: readonly RunResult[]): Section {
  const series = results.flatMap(({ label, steps }, colour): Series[] => [
    { name: `${label}, training`, points: curve(steps, (step) => step.index + 1), colour, faint: true },
    { name: `${label}, held out`, points: heldOutCurve(steps, (step) => step.index + 1), colour, style: 'points' },
  ])
  return {
    kind: 'chart',
    heading: 'Loss by step',
    chart: {
      title: 'Training loss of each step and held-out loss at intervals.',
      x: { label: 'step' },
      y: { label: 'nats per token' },
      series,
    },
  }
}

function lossByFlops(results: readonly RunResult[]): Section {
  const series = results.map(({ label, steps }, colour): Series => ({
    name: label,
    points: heldOutCurve(steps, (step) => step.flops ?? 0),
    colour,
    style: 'points',
  }))
  return {
    kind: 'chart',
    heading: 'Held-out loss by compute',
    chart: {
      title: 'Held-out loss against the floating-point operations spent.',
      x: { label: 'FLOPs so far' },
      y: { label: 'nats per token' },
      series,
    },
  }
}

async function samples(results: readonly RunResult[], signal: AbortSignal): Promise<Section> {
  const texts = []
  for (const { label, modelFolder, custom, openRows } of results) {
    const model = await loadModel(modelFolder, { signal, custom, openRows })
    try {
      for (const prompt of PROMPTS) {
        let text = prompt
        const pieces = model.generate(prompt, { maxTokens: 40, temperature: 0.8, topK: 40, seed: 1, signal })
        for await (const piece of pieces) text += piece.text
        texts.push({ label: `${label}: "${prompt}"`, text })
      }
    } finally {
      await model.dispose()
    }
  }
  return { kind: 'texts', heading: 'Samples', texts }
}
