import { fromCompletions, fromLanguageModel, type AnswerOptions, type EvalModel } from '@stemkit/eval'
import { languageModelOver, toLanguageModel, type Model } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import type { ChatTemplate } from '@stemkit/server'
import { readChatTemplate } from '@stemkit/server/node'
import { StemkitError } from '@stemkit/spec/errors'
import type { LanguageModel } from '@stemkit/spec/language-model'
import type { Tokenizer } from '@stemkit/spec/tokenizer'
import { loadTokenizerFolder } from '@stemkit/tokenizer/node'
import { openPlugins } from '../plugins/open-plugins.ts'
import { chatOf } from './chat.ts'
import type { RunFlags } from './run-options.ts'
import { serverKey } from './server-key.ts'
import { trainingFlops } from './training-flops.ts'

/** What is evaluated. */
export interface OpenedModel {
  readonly model: EvalModel
  /** Kind and name, as the results have them. */
  readonly source: 'stem' | 'completions'
  readonly name: string
  /** Where one is applied. */
  readonly chatTemplate?: ChatTemplate | undefined
  /** Of the whole training, where the model is of a run folder. */
  readonly flops?: number | undefined
  dispose(): Promise<void>
}

export interface OpenHow {
  readonly signal: AbortSignal
  readonly say: (text: string) => void
}

/** A model folder, one at a URL, or a server. */
export async function openModel(place: string | undefined, flags: RunFlags, how: OpenHow): Promise<OpenedModel> {
  if (flags.server !== undefined) {
    if (place === undefined) return openServer(flags.server, flags, how)
    throw new StemkitError('bad-input', `eval: give the model ${place} or --server, not both`)
  }
  if (place === undefined) throw new StemkitError('bad-input', 'eval: give a model folder, or a server by --server')
  return openFolder(place, flags, how)
}

async function openFolder(place: string, flags: RunFlags, { signal, say }: OpenHow): Promise<OpenedModel> {
  const { store, budget, context, threads, kvCache, batchSize: slots, overlay } = flags
  const isRemote = /^https?:/iu.test(place)
  const chatTemplate = await chatTemplateOf(isRemote ? undefined : place, flags)
  const { drivers, feedForwards: custom } = await openPlugins(flags.plugin, { signal })
  const loaded = await loadModel(place, {
    store,
    budget,
    context,
    threads,
    kvCache,
    slots,
    custom,
    // Scores must not depend on what else is being answered.
    deterministic: true,
    openRows: drivers.open,
    signal,
    onProgress: ({ bytes, totalBytes }) => say(`loading ${Math.round((100 * bytes) / totalBytes)}%`),
  })
  try {
    const over = await underOverlays(loaded, overlay, signal)
    return {
      model: await fromLanguageModel(over, {
        ...answerOptions(flags, loaded.tokenizer, chatTemplate),
        ...(context !== undefined && { maxLength: context }),
        ...(chatTemplate && { applyChatTemplate: chatOf(chatTemplate) }),
      }),
      source: 'stem',
      name: place.replace(/(?<=[^/])\/+$/u, ''),
      chatTemplate,
      flops: isRemote ? undefined : await trainingFlops(place),
      dispose: () => loaded.dispose(),
    }
  } catch (error) {
    await loaded.dispose()
    throw error
  }
}

/** The id has the version of the tables, which overlays are a part of. */
async function underOverlays(model: Model, overlay: RunFlags['overlay'], signal: AbortSignal): Promise<LanguageModel> {
  const plain = await toLanguageModel(model, { signal })
  if (!overlay) return plain
  return { ...languageModelOver(model, { overlay }), id: `${plain.id} overlays ${JSON.stringify(overlay)}` }
}

async function openServer(url: string, flags: RunFlags, { signal }: OpenHow): Promise<OpenedModel> {
  const { serverModel: name, tokenizer: folder, context, batchSize, retries } = flags
  if (name === undefined) {
    throw new StemkitError('bad-input', `eval: say which model of ${url} is meant, by --server-model`)
  }
  const apiKey = serverKey(url, process.env)
  const tokenizer = folder === undefined ? undefined : await loadTokenizerFolder(folder, { signal })
  const chatTemplate = await chatTemplateOf(folder, flags)
  const model = await fromCompletions({
    ...answerOptions(flags, tokenizer, chatTemplate),
    url,
    model: name,
    tokenizer,
    maxLength: context,
    batchSize,
    retries,
    ...(apiKey && { apiKey }),
    ...(chatTemplate && { applyChatTemplate: chatOf(chatTemplate) }),
    signal,
  })
  return { model, source: 'completions', name, chatTemplate, dispose: async () => {} }
}

async function chatTemplateOf(folder: string | undefined, flags: RunFlags): Promise<ChatTemplate | undefined> {
  const { applyChatTemplate, chatTemplate: file } = flags
  if (!applyChatTemplate) {
    if (file === undefined) return undefined
    throw new StemkitError('bad-input', 'eval: --chat-template goes with --apply-chat-template')
  }
  const template = await readChatTemplate(folder ?? '', file)
  if (template) return template
  const where = folder === undefined ? 'it' : `${folder} (chat_template in tokenizer_config.json); it`
  throw new StemkitError('bad-input', `eval: there is no chat template in ${where} can be given by --chat-template`)
}

function answerOptions(
  { seed, truncate, shrinkAnswers }: RunFlags,
  tokenizer: Tokenizer | undefined,
  chatTemplate: ChatTemplate | undefined,
): AnswerOptions {
  return {
    ...(seed !== undefined && { seed }),
    ...((truncate !== undefined || shrinkAnswers) && {
      truncation: { ...(truncate && { side: truncate }), ...(shrinkAnswers && { shrink: true }) },
    }),
    ...(chatTemplate && beginsWithStart(chatTemplate, tokenizer) && { addSpecial: false }),
  }
}

/** Whether the template writes BOS itself: twice would be once too often. */
function beginsWithStart(template: ChatTemplate, tokenizer: Tokenizer | undefined): boolean {
  const bos = tokenizer?.special.bos
  const text = bos === undefined ? undefined : tokenizer?.idToToken(bos)
  return text !== undefined && template.render([{ role: 'user', content: 'a' }]).startsWith(text)
}
