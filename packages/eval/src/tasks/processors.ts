import type { Row, RowSource } from './rows.ts'

/** What a filter leaves of the answers to a request: text, `[log-probability, greedy]`, a rolling log-probability, or a list of these. */
export type FilteredAnswer = unknown

/** What is recorded of one document under the name of a metric: a number, or what its aggregation takes. */
export type MetricValue = unknown

/** What a task's data are made for. */
export interface DatasetContext {
  /** `metadata` of the task. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly countTokens?: (text: string) => number | Promise<number>
  /** Rows of other data sets, where they are at hand. */
  readonly rows?: RowSource
  readonly signal?: AbortSignal
}

/**
 * Code that task definitions call by name. A definition is data; what data cannot say is a small function here.
 * Each group of names belongs to the fields of a definition that may use it.
 */
export interface Processors {
  /** `process_docs`: a row with further columns (they come after its own), or undefined to leave it out. */
  readonly documents?: Readonly<Record<string, (row: Row) => Row | undefined>>
  /** `doc_to_text`, `doc_to_target`, `doc_to_choice`, as `{ processor: name }`. */
  readonly fields?: Readonly<Record<string, (row: Row) => unknown>>
  /** `process_results`: the metrics of one document from the filtered answers to its requests. */
  readonly results?: Readonly<
    Record<string, (row: Row, answers: readonly FilteredAnswer[]) => Readonly<Record<string, MetricValue>>>
  >
  /** `metric_list[].aggregation`, beside the built-in ones. */
  readonly aggregations?: Readonly<Record<string, (values: readonly MetricValue[]) => number>>
  /** `custom_dataset`: rows by split. */
  readonly datasets?: Readonly<
    Record<string, (context: DatasetContext) => Promise<Readonly<Record<string, readonly Row[]>>>>
  >
  /** `filter_list[].filter[].function`, beside the built-in ones: from the answers to one request to what is left of them. */
  readonly filters?: Readonly<
    Record<
      string,
      (answers: readonly unknown[], options: Readonly<Record<string, unknown>>, row: Row) => FilteredAnswer
    >
  >
}

/** All names of several sets; a later one has precedence. */
export function mergeProcessors(...sets: readonly Processors[]): Processors {
  const merge = <K extends keyof Processors>(key: K) =>
    Object.assign({}, ...sets.map((set) => set[key])) as NonNullable<Processors[K]>
  return {
    documents: merge('documents'),
    fields: merge('fields'),
    results: merge('results'),
    aggregations: merge('aggregations'),
    datasets: merge('datasets'),
    filters: merge('filters'),
  }
}
