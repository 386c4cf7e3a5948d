export { loadTokenizerFolder, readTokenizerFolder, type TokenizerFiles } from './node/folder.ts'
