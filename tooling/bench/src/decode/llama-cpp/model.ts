import { StemkitError } from '@stemkit/spec/errors'
import type { LlamaCpp, Pointer } from './library.ts'

export interface LlamaModel {
  readonly pointer: Pointer
  readonly vocabSize: number
  /** What llama.cpp found in the file. */
  readonly description: {
    /** In llama.cpp's words: the architecture, the size and the type of the weights. */
    readonly model: string
    readonly parameters: number
    /** Of all weights in memory. */
    readonly bytes: number
  }
  dispose(): void
}

/** @throws corrupt for a file that llama.cpp refuses */
export function loadModel({ api }: LlamaCpp, path: string): LlamaModel {
  const params = { ...(api.llama_model_default_params() as object), n_gpu_layers: 0 }
  const pointer = api.llama_model_load_from_file(path, params) as Pointer | null
  if (pointer === null) throw new StemkitError('corrupt', `llama.cpp cannot load ${path}`)
  const text = Buffer.alloc(200)
  const length = api.llama_model_desc(pointer, text, text.length) as number
  return {
    pointer,
    vocabSize: api.llama_vocab_n_tokens(api.llama_model_get_vocab(pointer) as Pointer) as number,
    description: {
      model: text.toString('utf8', 0, length),
      parameters: Number(api.llama_model_n_params(pointer)),
      bytes: Number(api.llama_model_size(pointer)),
    },
    dispose: () => void api.llama_model_free(pointer),
  }
}
