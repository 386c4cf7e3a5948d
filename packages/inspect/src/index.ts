export { arrayTables, storeTables, tensorTables, type TableOwner, type Tables } from './tables.ts'
export { initialTables, type InitialTablesOptions } from './initial-tables.ts'
export type { ReadTablesOptions } from './blocks.ts'
export { angularSpread, type AngularSpreadOptions, type LayerSpread } from './angular-spread.ts'
export { COSINE_BINS, type CosineSummary } from './cosine-summary.ts'
export { effectiveRank, type EffectiveRankOptions, type LayerRank, type Rank } from './effective-rank.ts'
export { nearestRows, type NearestRowsOptions, type Neighbour, type Neighbours } from './nearest-rows.ts'
export { upActivations, type ReadableModel, type UpActivations, type UpActivationsOptions } from './up-activations.ts'
export { attribute, type AttributeOptions, type Attribution, type RowEffect } from './attribution/attribute.ts'
export { likeliestToken, type LikeliestTokenOptions } from './attribution/likeliest-token.ts'
export {
  measureCapacity,
  type Capacity,
  type CapacityCurve,
  type CapacityKind,
  type MeasureCapacityOptions,
} from './capacity/measure-capacity.ts'
export type { ProductKeyMemory } from './capacity/product-key-memory.ts'
