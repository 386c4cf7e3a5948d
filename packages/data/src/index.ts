export type { Batch } from './batch.ts'
export { bigramLoss, trainBigram, type Bigram } from './bigram.ts'
export type { Document } from './document.ts'
export { createLoader, type Loader, type LoaderOptions, type LoaderState, type MixturePart } from './loader.ts'
export {
  createPacker,
  packDocuments,
  type PackedDataset,
  type Packer,
  type PackOptions,
  type PackReport,
} from './pack.ts'
export { pcg32, permutation, type Random } from './random.ts'
export { batchesInOrder } from './rows.ts'
export { splitDocuments, type HeldOut } from './split.ts'
