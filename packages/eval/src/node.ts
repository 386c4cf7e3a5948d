export { verifyFolder, type VerifiedFolderTask, type VerifyFolderOptions } from './node/verify-folder.ts'
export { fileCache, type FileCacheOptions } from './node/file-cache.ts'
export { readTaskFolder } from './node/read-task-folder.ts'
