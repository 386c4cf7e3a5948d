import type { ModelStats } from '@stemkit/generate'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { ServerObserver } from '../observer.ts'
import type { ServedModel, ServerOptions } from '../options.ts'

export interface PrometheusOptions {
  /** The models that are served, for what they say of themselves. */
  readonly models: Readonly<Record<string, Pick<ServedModel, 'model'>>>
  /** Where the metrics go, to be read together with your own. Default: a registry for these, with Node's usual ones. */
  readonly registry?: Registry | undefined
}

/** What `createServer` is given to be watched: `createServer({ models, ...prometheus({ models }) })`. */
export type PrometheusMetrics = Required<Pick<ServerOptions, 'observers' | 'metrics'>>

const SECONDS_TO_FIRST = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const SECONDS_BETWEEN = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Metrics in the format of Prometheus, all of them beginning with `stemkit_`. */
export function prometheus({ models, registry = usualRegistry() }: PrometheusOptions): PrometheusMetrics {
  const registers = [registry]
  const byModel = ['model'] as const
  const requests = new Counter({
    name: 'stemkit_http_requests_total',
    help: 'Requests by route and status; 499 is a client that left.',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  })
  const seconds = new Histogram({
    name: 'stemkit_http_request_seconds',
    help: 'Time of whole requests, streams included.',
    labelNames: ['route'] as const,
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  })
  const firstToken = new Histogram({
    name: 'stemkit_time_to_first_token_seconds',
    help: 'From the arrival of a request to the first token of each of its texts.',
    labelNames: byModel,
    buckets: SECONDS_TO_FIRST,
    registers,
  })
  const nextToken = new Histogram({
    name: 'stemkit_inter_token_seconds',
    help: 'Between two tokens of one text.',
    labelNames: byModel,
    buckets: SECONDS_BETWEEN,
    registers,
  })
  const tokens = new Counter({
    name: 'stemkit_tokens_total',
    help: 'Tokens of requests: of prompts, of these taken from earlier requests (cached), and made (completion).',
    labelNames: ['model', 'kind'] as const,
    registers,
  })
  for (const metric of METRICS_OF_MODELS) watchModels(models, metric, registers)

  // Labels are looked up once: these are counted for every token.
  const first = new Map(Object.keys(models).map((id) => [id, firstToken.labels(id)]))
  const next = new Map(Object.keys(models).map((id) => [id, nextToken.labels(id)]))
  const observer: ServerObserver = {
    onRequest({ method, route, status, seconds: took, generation }) {
      requests.inc({ method: knownMethod(method), route, status })
      seconds.observe({ route }, took)
      if (!generation) return
      const { model, promptTokens, cachedTokens, completionTokens } = generation
      tokens.inc({ model, kind: 'prompt' }, promptTokens)
      tokens.inc({ model, kind: 'cached' }, cachedTokens)
      tokens.inc({ model, kind: 'completion' }, completionTokens)
    },
    onFirstToken: (id, took) => first.get(id)?.observe(took),
    onNextToken: (id, took) => next.get(id)?.observe(took),
  }
  return {
    observers: [observer],
    metrics: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

interface ModelMetric {
  readonly name: string
  readonly help: string
  /** Undefined: this model has none. */
  read(stats: ModelStats): number | undefined
}

const METRICS_OF_MODELS: readonly ModelMetric[] = [
  { name: 'slots', help: 'Texts that the model can work on at once.', read: ({ slots }) => slots },
  { name: 'running', help: 'Texts that have a slot.', read: ({ running }) => running },
  { name: 'queue', help: 'Texts that wait for a slot.', read: ({ waiting }) => waiting },
  { name: 'batch', help: 'Texts in the last step.', read: ({ batch }) => batch },
  { name: 'prefilled_tokens_total', help: 'Tokens of prompts that were computed.', read: (stats) => stats.prefilled },
  { name: 'cached_tokens_total', help: 'Tokens of prompts that were there already.', read: ({ cached }) => cached },
  { name: 'decoded_tokens_total', help: 'Tokens made.', read: ({ decoded }) => decoded },
  { name: 'speculated_tokens_total', help: 'Tokens guessed from the text.', read: ({ speculated }) => speculated },
  { name: 'accepted_tokens_total', help: 'Guessed tokens that were right.', read: ({ accepted }) => accepted },
  { name: 'store_hit_ratio', help: 'Share of rows that were in memory.', read: ({ store }) => store?.hitRate },
  { name: 'store_read_bytes_total', help: 'Bytes of rows read.', read: ({ store }) => store?.bytesRead },
  { name: 'store_stalls_total', help: 'Steps that waited for rows.', read: ({ store }) => store?.stalls },
  {
    name: 'store_stalled_seconds_total',
    help: 'Time that steps waited for rows.',
    read: ({ store }) => store && store.stalledMs / 1000,
  },
]

/** A metric that is read from the models when it is asked for. */
function watchModels(
  models: PrometheusOptions['models'],
  { name, help, read }: ModelMetric,
  registers: Registry[],
): void {
  const Kind = name.endsWith('_total') ? Counter : Gauge
  const metric = new Kind({
    name: `stemkit_model_${name}`,
    help,
    labelNames: ['model'],
    registers,
    collect() {
      metric.reset()
      for (const [model, served] of Object.entries(models)) {
        const value = read(served.model.stats())
        if (value !== undefined && Number.isFinite(value)) metric.inc({ model }, value)
      }
    },
  })
}

/** Anybody can make up methods, and each would be a series of its own. */
const knownMethod = (method: string): string =>
  ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method) ? method : 'other'

function usualRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}
