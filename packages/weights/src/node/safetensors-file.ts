import { dirname } from 'node:path'
import type { ParseOptions } from '../safetensors/header.ts'
import { readSafetensors } from '../safetensors/read.ts'
import { layoutSafetensors } from '../safetensors/layout.ts'
import { checkLength } from '../safetensors/serialize.ts'
import { memorySource, type Tensor, type TensorInfo, type TensorSource } from '../tensor.ts'
import type { TensorReader } from '../byte-file.ts'
import { openByteFile } from './byte-file.ts'
import { inFile } from '../in-file.ts'
import { stageFile, syncFolder, type StagedFile, type WriteOptions } from './stage-file.ts'

/** Progress of a whole job as one total. */
export interface Progress {
  readonly bytes: number
  readonly totalBytes: number
}

export interface SaveOptions {
  /** Kept in the header. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/** Tensors in memory, or ones that are read as they are written. */
export type Tensors = TensorSource | ReadonlyMap<string, Tensor>

export const asSource = (tensors: Tensors): TensorSource => ('read' in tensors ? tensors : memorySource(tensors))

/**
 * Opens a safetensors file: its header is read and checked, its tensors are read when asked for, each at its place.
 * @throws not-found, io, corrupt or unsupported, with one line that names the file
 */
export async function openSafetensors(
  path: string,
  { signal, ...options }: ParseOptions & { readonly signal?: AbortSignal } = {},
): Promise<TensorReader> {
  const file = await openByteFile(path, signal)
  try {
    return await readSafetensors(file, { ...options, ...(signal && { signal }) })
  } catch (error) {
    await file.dispose()
    throw error
  }
}

/** Stages the tensors of `source` that are in `tensors`, one after the other. Throws as `saveSafetensors` does. */
export function stageSafetensors(
  path: string,
  source: TensorSource,
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: Readonly<Record<string, string>>,
  options: WriteOptions,
): Promise<StagedFile> {
  const { header, order } = inFile(path, () => layoutSafetensors(tensors, metadata))
  const { signal } = options
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield header
    for (const name of order) {
      const tensor = await source.read(name, signal ? { signal } : {})
      checkLength(name, { ...tensors.get(name)!, data: tensor.data })
      yield tensor.data
    }
  }
  return stageFile(path, chunks(), options)
}

/**
 * Writes a safetensors file, holding one tensor of `tensors` at a time. The file appears whole under its name or not
 * at all; the same tensors always give the same bytes.
 * @throws io with the old file left (disk full, say), bad-input for what cannot be written, or the signal's reason
 */
export async function saveSafetensors(path: string, tensors: Tensors, options: SaveOptions = {}): Promise<void> {
  const source = asSource(tensors)
  const { metadata = {}, signal, onProgress } = options
  const totalBytes = inFile(path, () => layoutSafetensors(source.tensors, metadata).byteLength)
  const writing = { ...(signal && { signal }), ...(onProgress && { onBytes: counter(totalBytes, onProgress) }) }
  const staged = await stageSafetensors(path, source, source.tensors, metadata, writing)
  await staged.commit()
  await syncFolder(dirname(path))
}

/** Turns the sizes of pieces into progress. */
export function counter(totalBytes: number, onProgress: (progress: Progress) => void): (bytes: number) => void {
  let done = 0
  return (bytes) => {
    done += bytes
    onProgress({ bytes: done, totalBytes })
  }
}
