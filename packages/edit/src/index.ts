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
