export { memoryRows, type MemoryRowsOptions } from './drivers/memory-rows.ts'
export { layeredRows, type LayeredRows, type LayeredRowsOptions, type LayerStats } from './drivers/layered-rows.ts'
export { httpFiles, type HttpFile, type HttpFiles } from './http/http-files.ts'
export type { HttpOptions } from './http/http-folder.ts'
export { httpRows, openHttpRows, type HttpRows, type HttpRowsOptions } from './http/http-rows.ts'
export { createRowPlan, identityPlan, type RowPlan, type RowPlanOptions } from './row-plan.ts'
export {
  createRowStore,
  type RowLease,
  type RowStore,
  type GatherRowsOptions,
  type RowStoreOptions,
  type RowStoreStats,
  type StoredRows,
} from './row-store.ts'
export { cacheBudget, cacheSlots } from './plan/cache-slots.ts'
export { measureCache, type CacheMeasurement, type MeasureCacheOptions } from './plan/measure-cache.ts'
export { replayCache, type ReplayCacheOptions } from './plan/replay-cache.ts'
export { measureRowUse, type RowUse } from './plan/row-use.ts'
export { batchProbabilities, expectedRows, tokenProbabilities } from './plan/step-probabilities.ts'
export { createRowCache } from './cache/row-cache.ts'
export type { Lease, ReleaseOptions, RowCache, RowCacheOptions, RowCacheStats, RowSource } from './cache/cache-types.ts'
export type { CachePolicy, CachePolicyKind } from './cache/policy.ts'
export {
  checkLayout,
  payloadBytes,
  stateBytes,
  valueBytes,
  type RowDtype,
  type RowLayout,
  type RowState,
} from './layout.ts'
export type {
  AddOverlayOptions,
  BlockOptions,
  Overlay,
  RowTable,
  RowsIdentity,
  TableVersion,
} from './table/row-table.ts'
export { overlayView, type OverlayKeys, type OverlayView, type OverlayViewOptions } from './overlay/overlay-view.ts'
export {
  createRowTable,
  openRowTable,
  type CreateRowTableOptions,
  type OpenRowTableOptions,
} from './table/open-row-table.ts'
export { recordBytes } from './table/row-io.ts'
export { buildRowTable, type BuildProgress, type BuildTableOptions } from './copy/build-table.ts'
export { copyTable, type CopyTableOptions } from './copy/copy-table.ts'
export { verifyTable, type VerifyTableOptions } from './copy/verify-table.ts'
export { decodeRows, encodeRows, type PackedRows } from './codec/convert.ts'
