export { parseEdit, type Edit, type EditInput, type Operation, type Tokens } from './edit.ts'
export { planEdit, type PlanOptions, type RowChange, type RowEditPlan } from './plan-edit.ts'
export {
  expandText,
  planOccurrences,
  type MadeRow,
  type OccurrenceOptions,
  type OccurrencePlan,
} from './plan-occurrences.ts'
export { describeValue, type RowValue } from './row-value.ts'
export { changesText, STRATEGIES, type ExpandStrategy, type Strategy } from './strategies.ts'
export type { EditedTable } from './rows/stacked-rows.ts'
export { applyEdit, type Applied, type ApplyOptions } from './stored/apply-edit.ts'
export { diffEdit, type LayerDiff, type RowDiff } from './stored/diff-edit.ts'
export type { EditNote, KeptEdit } from './stored/edit-note.ts'
export { editsFor, editStack, listEdits, type AppliedEdit, type UserOption } from './stored/list-edits.ts'
export { undoEdit } from './stored/undo-edit.ts'
export { tableHash, vocabularyHash, type HashOptions } from './patch/content-hash.ts'
export { exportPatch, type ExportPatchOptions } from './patch/export-patch.ts'
export { importPatch, type ImportPatchOptions } from './patch/import-patch.ts'
export type { Asked, Continued, EditableModel, Likely, RowsInPlace } from './preview/editable-model.ts'
export { placeOccurrences } from './preview/place-occurrences.ts'
export { rowsInPlace, type InPlaceOptions } from './preview/rows-in-place.ts'
export {
  previewEdit,
  previewOccurrences,
  type Continuation,
  type NextToken,
  type Preview,
  type PreviewOptions,
} from './preview/preview-edit.ts'
export type { EditCase, Fact, Question } from './measure/cases/edit-case.ts'
export { readCases, readFacts, type CaseFormat } from './measure/cases/read-cases.ts'
export type { Donor } from './measure/find-donor.ts'
export {
  measureEdits,
  type MeasuredCase,
  type MeasuredEdits,
  type MeasureEditsOptions,
  type MeasureProgress,
} from './measure/measure-edits.ts'
export type { MeasuredModel } from './measure/measured-model.ts'
export { measureSequence, type MeasureSequenceOptions, type SequencePoint } from './measure/measure-sequence.ts'
export { METRICS, type CaseMetrics, type Metric, type MetricName, type Protocol } from './measure/metrics/metrics.ts'
export { scoreOf, summarizeCases, type MetricSummary } from './measure/metrics/summarize-cases.ts'
export type { Summary } from './measure/metrics/summary.ts'
export { wilson, type Share } from './measure/metrics/wilson.ts'
export { cutTexts, perplexityOf } from './measure/perplexity.ts'
export type { CaseEditOptions, SkippedCase, SkipReason } from './measure/plan-case.ts'
export { splitAnswer, type AskedModel } from './measure/questions.ts'
export type { WritingOptions } from './measure/writing.ts'
