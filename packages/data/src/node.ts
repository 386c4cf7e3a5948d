export { readDocuments, type ReadOptions, type ReadProgress } from './node/read-documents.ts'
