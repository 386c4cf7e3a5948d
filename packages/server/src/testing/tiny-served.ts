import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModel, type Model, type ServingOptions } from '@stemkit/generate'
import { createModelConfig, initializeWeights, type ModelOptions } from '@stemkit/model'
import { loadTokenizer } from '@stemkit/tokenizer'
import { createChatTemplate } from '../chat-template.ts'
import { byteTokenizer } from './tokenizers.ts'

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
  const tokenizer = loadTokenizer(byteTokenizer())
  return createModel({ config, weights, tokenizer, engine: compiledEngine(nodeRuntime()), ...serving })
}

/** Roles in capital letters, a line each; refuses a conversation that does not end with the user. */
const TINY_TEMPLATE = `{% for message in messages %}{{ message.role | upper }}: {{ message.content }}
{% endfor %}{% if messages[-1].role != 'user' %}{{ raise_exception('the user speaks last') }}{% endif %}A:`

export const tinyTemplate = createChatTemplate(TINY_TEMPLATE)
