export { verifyFolder, type VerifiedFolderTask, type VerifyFolderOptions } from './verify/verify-folder.ts'
export { fileCache, type FileCacheOptions } from './node/file-cache.ts'
