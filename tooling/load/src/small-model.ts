import { createModelConfig, initializeWeights } from '@stemkit/model'
import { gpt2TokenizerJson } from '@stemkit/tokenizer'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'

/** A STEM model so small that the server's own work shows beside the model's. Its tokens are printable ASCII characters. */
export async function writeSmallModel(folder: string): Promise<void> {
  const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
  const tokens = [...characters, '\u0120', '<|endoftext|>']
  const config = createModelConfig({
    vocabSize: tokens.length,
    dim: 64,
    layers: 4,
    heads: 4,
    ffnHidden: 128,
    maxLength: 512,
    kind: 'stem',
  })
  const weights = initializeWeights(config, { seed: 1 })
  await writeModelFolder(folder, {
    config,
    tensors: new Map([...weights].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)])),
    tokenizerJson: gpt2TokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), ''),
  })
}
