import type { Report } from '@stemkit/report'
import type { TableText } from '../../terminal/table.ts'
import type { InjectFindings } from './inject.ts'

const chance = (value: number): string => value.toPrecision(3)
const nats = (value: number): string => value.toFixed(4)

export function injectTables({ sentences, tokens, report, name, file, overlay }: InjectFindings): TableText[] {
  const { statements, layers, heldOut, neutral, reached, steps } = report
  const outcome = file === undefined ? `applied, read by --overlay ${overlay}` : `written to ${file}`
  return [
    {
      head: ['statement', 'target', 'p before', 'p after'],
      rows: statements.map(({ before, after }, i) => [
        sentences[i]!.prompt,
        sentences[i]!.target,
        chance(before.probability),
        chance(after.probability),
      ]),
    },
    {
      head: ['STEM layer', 'norm before', 'norm after', 'change'],
      rows: layers.map(({ layer, before, after, change }) => [`${layer}`, nats(before), nats(after), nats(change)]),
    },
    ...(heldOut
      ? [
          {
            head: ['held-out texts', 'tokens', 'perplexity before', 'after', 'KL a token'],
            rows: [
              [
                `${heldOut.texts}`,
                `${heldOut.tokens}`,
                heldOut.perplexityBefore.toFixed(3),
                heldOut.perplexityAfter.toFixed(3),
                nats(heldOut.divergence),
              ],
            ],
          },
        ]
      : []),
    {
      head: ['edit', 'rows', 'steps', 'target reached', 'neutral texts', ''],
      rows: [
        [
          name,
          tokens.map(({ text }) => text).join(' '),
          `${steps.length - 1}`,
          reached ? 'yes' : 'no',
          `${neutral.reading}`,
          outcome,
        ],
      ],
    },
  ]
}

export function injectReport(findings: InjectFindings): Report {
  const { model, sentences, tokens, report } = findings
  const { steps, statements, heldOut } = report
  const [first] = statements
  const curve = (name: string, colour: number, valueOf: (step: (typeof steps)[number]) => number) => ({
    name,
    colour,
    points: steps.map((step): [number, number] => [step.step, valueOf(step)]),
  })
  return {
    title: `Injection: ${sentences[0]!.prompt} ${sentences[0]!.target}`,
    summary: `${model}: the rows of ${tokens.map(({ text }) => text).join(' ')} were fitted to ${statements.length === 1 ? 'a statement' : `${statements.length} statements`}, everything else frozen.`,
    facts: [
      {
        label: 'p(target)',
        value: chance(first!.after.probability),
        note: `${chance(first!.before.probability)} before`,
      },
      { label: 'steps', value: `${steps.length - 1}`, note: report.reached ? 'target reached' : 'target not reached' },
      ...(heldOut
        ? [
            {
              label: 'KL on held-out texts',
              value: nats(heldOut.divergence),
              note: `perplexity ${heldOut.perplexityBefore.toFixed(2)} to ${heldOut.perplexityAfter.toFixed(2)}`,
            },
          ]
        : []),
    ],
    sections: [
      {
        kind: 'chart',
        heading: 'The fit',
        chart: {
          title: 'Loss of a target token, and divergence from the untouched model on neutral texts, by step.',
          x: { label: 'step' },
          y: { label: 'nats a token', min: 0 },
          series: [
            curve('loss of the targets', 0, ({ target }) => target),
            curve('divergence', 1, ({ divergence }) => divergence),
          ],
        },
      },
      {
        kind: 'chart',
        heading: 'What changed',
        chart: {
          type: 'bar',
          title: 'Norm of the fitted rows before, and of their change, by STEM layer.',
          x: { label: 'STEM layer', values: report.layers.map(({ layer }) => layer) },
          y: { label: 'norm' },
          series: [
            { name: 'before', values: report.layers.map(({ before }) => before), colour: 0 },
            { name: 'change', values: report.layers.map(({ change }) => change), colour: 1 },
          ],
        },
      },
      ...injectTables(findings).map((table, i) => ({
        kind: 'table' as const,
        heading: ['Statements', 'Layers', ...(heldOut ? ['Held-out texts'] : []), 'Edit'][i]!,
        columns: table.head,
        rows: table.rows,
      })),
    ],
  }
}
