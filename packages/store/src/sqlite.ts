export { openSqliteRows } from './sqlite/open-sqlite-rows.ts'
export { sqliteRows, type SqliteRowsOptions } from './sqlite/sqlite-rows.ts'
