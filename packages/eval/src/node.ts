export { verifyFolder, type VerifiedFolderTask, type VerifyFolderOptions } from './verify/verify-folder.ts'
