import { readFileSync } from 'node:fs'
import type { Strategy } from '../strategies.ts'

/** An edit whose lookups an independent implementation recorded. */
export interface RecordedEdit {
  readonly name: string
  readonly strategy: Strategy
  readonly source_tokens: number[]
  readonly target_tokens: number[]
  readonly source_start: number
  /** With a text that was changed, that one. */
  readonly input_ids: number[]
  readonly table_ids: number[]
  readonly mean_positions?: number[]
  readonly mean_rows?: number[]
}

interface RecordedSwap {
  readonly token_a: number
  readonly token_b: number
  readonly input_ids: number[]
  readonly equivalent_table_ids: number[]
}

export function readEditCase(): { padId: number; edits: RecordedEdit[]; swap: RecordedSwap } {
  const path = new URL('../../../../fixtures/oracle/edit/inputs.json', import.meta.url)
  const json = JSON.parse(readFileSync(path, 'utf8')) as {
    pad_id: number
    edits: Omit<RecordedEdit, 'strategy'>[]
    swap: RecordedSwap
  }
  const edits = json.edits.map((edit) => ({ ...edit, strategy: edit.name.split('.')[1] as Strategy }))
  return { padId: json.pad_id, edits, swap: json.swap }
}
