export { fileRows, type FileRowsOptions } from './node/file-rows.ts'
export type { FileSystem, OpenFile } from './node/file-system.ts'
export { openFileRows } from './node/open-file-rows.ts'
export type { Processes, ProcessIdentity, ProcessState } from '@stemkit/spec/processes'
