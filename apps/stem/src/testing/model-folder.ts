import { createModelConfig, initializeWeights, type ModelOptions } from '@stemkit/model'
import { gpt2TokenizerJson } from '@stemkit/tokenizer'
import { fromFloat32 } from '@stemkit/weights'
import { writeModelFolder } from '@stemkit/weights/node'

/**
 * Writes a small model of random weights whose tokens are the printable ASCII characters, with a space and an end of text;
 * without its tables if they are elsewhere.
 */
export async function writeTinyModel(
  folder: string,
  options: Partial<ModelOptions> = {},
  { tables = true }: { readonly tables?: boolean } = {},
): Promise<void> {
  const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))
  const tokens = [...characters, '\u0120', '<|endoftext|>']
  const config = createModelConfig({
    vocabSize: tokens.length,
    dim: 16,
    layers: 3,
    heads: 2,
    ffnHidden: 24,
    maxLength: 48,
    kind: 'stem',
    ...options,
  })
  const weights = initializeWeights(config, { seed: 5, tableInit: 'unit' })
  await writeModelFolder(folder, {
    config,
    optionalTables: !tables,
    tensors: new Map(
      [...weights]
        .filter(([name]) => tables || !name.includes('stem_table'))
        .map(([name, { data, shape }]) => [name, fromFloat32(data, shape)]),
    ),
    tokenizerJson: gpt2TokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), ''),
  })
}
