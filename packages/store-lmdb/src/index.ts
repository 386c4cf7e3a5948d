export { lmdbRows, type LmdbRowsOptions } from './lmdb-rows.ts'
export { openLmdbRows } from './open-lmdb-rows.ts'
