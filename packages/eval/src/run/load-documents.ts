import { StemkitError } from '@stemkit/spec/errors'
import { poolOf, type ShotPool } from '../fewshot/shot-pool.ts'
import type { DatasetContext, Processors } from '../tasks/processors.ts'
import type { Row, RowSource } from '../tasks/rows.ts'
import type { Task } from '../tasks/task.ts'
import { columnsOf, type TaskDocuments } from './plan-task.ts'
import { selectDocuments, type Selection } from './select-documents.ts'

export interface LoadOptions extends Selection {
  readonly rows: RowSource
  readonly processors: Processors
  readonly countTokens?: DatasetContext['countTokens']
  readonly signal?: AbortSignal
}

/** The rows of a task: those that a run evaluates, and those that its shots come from. */
export async function loadDocuments(task: Task, options: LoadOptions): Promise<TaskDocuments> {
  const { test_split: test, validation_split: validation, process_docs } = task.definition
  const split = test ?? validation
  if (split === undefined)
    throw new StemkitError('bad-input', `${task.name}: neither test_split nor validation_split is named`)
  const read = splitReader(task, options)
  const rows = processed(await read(split), process_docs, options.processors)
  const [first] = rows
  const pool = task.numFewshot > 0 ? await shotPool(task, read, options.processors) : undefined
  return {
    documents: selectDocuments(task.name, rows.length, options).map(({ index, docId }) => ({
      docId,
      row: rows[index] as Row,
    })),
    splitSize: rows.length,
    ...(first && { split: { first, columns: columnsOf(rows) } }),
    ...(pool && { pool }),
  }
}

type ReadSplit = (split: string) => Promise<readonly Row[]>

/** Reads the splits of a task, each once. */
function splitReader(task: Task, options: LoadOptions): ReadSplit {
  const { custom_dataset: maker, dataset_path: path = '', dataset_name: name, metadata = {} } = task.definition
  const known = new Map<string, Promise<readonly Row[] | undefined>>()
  const signal = options.signal && { signal: options.signal }
  const make = maker === undefined ? undefined : options.processors.datasets?.[maker]
  if (maker !== undefined && !make)
    throw new StemkitError('not-found', `${task.name}: no processor of data sets is called ${maker}`)
  const made = make?.({
    metadata,
    rows: options.rows,
    ...(options.countTokens && { countTokens: options.countTokens }),
    ...signal,
  })
  const fetchSplit = async (split: string) =>
    made ? (await made)[split] : options.rows({ path, split, ...(name !== undefined && { name }) }, signal)
  return async (split) => {
    const reading = known.get(split) ?? fetchSplit(split)
    known.set(split, reading)
    const rows = await reading
    if (rows && rows.length > 0) return rows
    const of = maker ?? (name === undefined ? path : `${path} (${name})`)
    throw new StemkitError(
      'not-found',
      `${task.name}: split ${split} of ${of} ${rows ? 'has no rows' : 'is not there'}`,
    )
  }
}

/** The split for shots, else shots that the task brings, else the first split that it names of training, validation and test. */
async function shotPool(task: Task, read: ReadSplit, processors: Processors): Promise<ShotPool> {
  const { shots, definition } = task
  if (shots.split === undefined && shots.samples) return poolOf(shots.samples)
  const split = shots.split ?? definition.training_split ?? definition.validation_split ?? definition.test_split
  const process = shots.split === undefined ? definition.process_docs : shots.processDocs
  return poolOf(processed(await read(split ?? ''), process, processors))
}

function processed(rows: readonly Row[], name: string | undefined, processors: Processors): readonly Row[] {
  if (name === undefined) return rows
  const process = processors.documents?.[name]
  if (!process) throw new StemkitError('not-found', `no processor of documents is called ${name}`)
  return rows.map(process).filter((row) => row !== undefined)
}
