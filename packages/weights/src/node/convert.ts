import { resolve } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { ModelConfig } from '@stemkit/spec/model-config'
import { exportHuggingFace } from '../layouts/hugging-face.ts'
import { exportOfficial, type OfficialOptions } from '../layouts/official.ts'
import { mapTensors } from '../mapping.ts'
import { packTensors, type PackTensorsOptions } from '../packed/pack-tensors.ts'
import { findPacked } from '../packed/packed-tensors.ts'
import { openForeignModel, type ForeignLayout, type ForeignOptions } from './foreign-model.ts'
import { inFile } from '../in-file.ts'
import { makeFolder } from './make-folder.ts'
import { readModelFolder, writeModelFolder } from './model-folder.ts'
import { saveModelFiles, type SaveModelOptions } from './save-model-files.ts'
import { readTokenizerFiles } from './tokenizer-files.ts'

/**
 * Turns a model of another layout into a model folder, its tokenizer included, holding one tensor at a time.
 * @throws as `openForeignModel` and `writeModelFolder` do; on failure the target folder is as it was
 */
export async function importModel(
  from: string,
  to: string,
  options: ForeignOptions & SaveModelOptions = {},
): Promise<{ layout: ForeignLayout; config: ModelConfig }> {
  refuseSame(from, to)
  const model = await openForeignModel(from, options)
  try {
    await writeModelFolder(to, model, options)
    return { layout: model.layout, config: model.config }
  } finally {
    await model.dispose()
  }
}

function refuseSame(from: string, to: string): void {
  if (resolve(from) === resolve(to))
    throw new StemkitError('bad-input', `${to} would be overwritten; write to another folder`)
}

/** Layouts that models can be written in. */
export type ExportLayout = 'hf' | 'official'

/**
 * Writes a model folder in another layout, its tokenizer included, holding one tensor at a time: `config.json` or
 * `params.json` beside the tensors. `hf` takes dense models, `official` dense and STEM ones.
 * @throws unsupported for a model that has no place there; as `readModelFolder`; io
 */
export async function exportModel(
  from: string,
  to: string,
  { layout, ...options }: { readonly layout: ExportLayout } & OfficialOptions & SaveModelOptions,
): Promise<void> {
  refuseSame(from, to)
  const { signal } = options
  const model = await readModelFolder(from, signal ? { signal } : {})
  try {
    const { config, tensors } = model
    if (findPacked(tensors.tensors).size > 0) {
      throw new StemkitError('unsupported', `${from} is packed in 4 or 8 bits; export the model that it was made from`)
    }
    const { json, mapping } = inFile(from, () =>
      layout === 'hf' ? exportHuggingFace(config, tensors.tensors) : exportOfficial(config, options),
    )
    const files = new Map<string, string | Uint8Array>(await readTokenizerFiles(from, signal))
    files.set(layout === 'hf' ? 'config.json' : 'params.json', `${JSON.stringify(json, undefined, 2)}\n`)
    await makeFolder(to)
    // Readers of the Hugging Face layout ask the file itself which framework it is for.
    const metadata = { format: 'pt', ...options.metadata }
    await saveModelFiles(to, mapTensors(tensors, mapping), files, { ...options, metadata })
  } finally {
    await model.dispose()
  }
}

export interface PackModelOptions extends PackTensorsOptions, SaveModelOptions {
  /** Further files by name. */
  readonly files?: ReadonlyMap<string, string | Uint8Array>
}

/**
 * Writes a model folder with its weights in another form, packed in 4 or 8 bits, say; its tokenizer and other files go along.
 * One tensor is held at a time.
 * @throws bad-input for weights that are packed already or not finite; as `readModelFolder`; io
 */
export async function packModel(from: string, to: string, options: PackModelOptions): Promise<void> {
  refuseSame(from, to)
  const { signal } = options
  const model = await readModelFolder(from, { optionalTables: true, ...(signal && { signal }) })
  try {
    const files = new Map<string, string | Uint8Array>([
      ...(await readTokenizerFiles(from, signal)),
      ...(options.files ?? []),
    ])
    const tensors = inFile(from, () => packTensors(model.tensors, options))
    await writeModelFolder(to, { config: model.config, tensors, files, optionalTables: true }, options)
  } finally {
    await model.dispose()
  }
}
