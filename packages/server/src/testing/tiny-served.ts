import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModel, type Model, type ServingOptions } from '@stemkit/generate'
import { createModelConfig, initializeWeights, type ModelOptions } from '@stemkit/model'
import { END_OF_TEXT, gpt2TokenizerJson, loadTokenizer } from '@stemkit/tokenizer'
import { createChatTemplate } from '../chat-template.ts'

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff)

/** One token per byte, the bytes of 'the' merged, and an end of text. */
export function byteTokenizerJson() {
  let next = 0x100
  const bytes = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++))
  const tokens = [...bytes, 'th', 'the', END_OF_TEXT]
  return gpt2TokenizerJson(Object.fromEntries(tokens.map((token, id) => [token, id])), 't h\nth e\n')
}

/** A very small STEM model of random weights, whose text is noise. */
export function tinyModel(options: Partial<ModelOptions> = {}, serving: ServingOptions = {}): Promise<Model> {
  const config = createModelConfig({
    vocabSize: 260,
    dim: 16,
    layers: 3,
    heads: 2,
    ffnHidden: 24,
    maxLength: 96,
    kind: 'stem',
    ...options,
  })
  const weights = initializeWeights(config, { seed: 5, tableInit: 'unit' })
  const tokenizer = loadTokenizer(byteTokenizerJson())
  return createModel({ config, weights, tokenizer, engine: compiledEngine(nodeRuntime()), ...serving })
}

/** Roles in capital letters, a line each; refuses a conversation that does not end with the user. */
export const TINY_TEMPLATE = `{% for message in messages %}{{ message.role | upper }}: {{ message.content }}
{% endfor %}{% if messages[-1].role != 'user' %}{{ raise_exception('the user speaks last') }}{% endif %}A:`

export const tinyTemplate = createChatTemplate(TINY_TEMPLATE)
