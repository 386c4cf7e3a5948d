export { memoryRows, type MemoryRowsOptions } from './drivers/memory-rows.ts'
export { createRowPlan, identityPlan, type RowPlan, type RowPlanOptions } from './row-plan.ts'
export { createRowStore, type RowStore, type RowStoreOptions, type RowStoreStats } from './row-store.ts'
