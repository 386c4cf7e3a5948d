import { collect, type Generation } from '@stemkit/generate'
import { loadModel } from '@stemkit/generate/node'
import { readChatTemplate } from '@stemkit/server/node'
import { StemkitError } from '@stemkit/spec/errors'
import { openPlugins } from '../plugins/open-plugins.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import type { GenerateFlags } from '../commands/generate.ts'

/** Prints how a text goes on. */
export async function runGenerate(folder: string, options: GenerateFlags): Promise<void> {
  const { json, plugin, store, budget, context, threads, kvCache, deterministic, speculate, ...request } = options
  const { prompt: text, chat, system, seed = newSeed(), ...sampling } = request
  const signal = signalOfProcess()
  const prompt = await promptOf(folder, { text, chat, system })
  const { feedForwards: custom, drivers } = await openPlugins(plugin, { signal })
  const status = statusLine()
  const model = await loadModel(folder, {
    store,
    budget,
    context,
    threads,
    kvCache,
    deterministic,
    speculate,
    custom,
    signal,
    // One text is all that there is.
    slots: 1,
    openRows: drivers.open,
    onProgress: ({ bytes, totalBytes }) => status.show(`loading ${Math.round((100 * bytes) / totalBytes)}%`),
  }).finally(status.clear)
  try {
    const start = chat === undefined ? prompt : Array.from(model.tokenizer?.encode(prompt) ?? [])
    const generation = model.generate(start, { ...sampling, logprobs: json === true, seed, signal })
    if (!json) return await stream(generation)
    process.stdout.write(`${JSON.stringify({ prompt, ...(await collect(generation)), seed })}\n`)
  } finally {
    await model.dispose()
  }
}

interface Asked {
  readonly text: string | undefined
  readonly chat: string | undefined
  readonly system: string | undefined
}

/** What to continue: a text, or a conversation of one message as the model's template puts it. */
async function promptOf(folder: string, { text, chat, system }: Asked): Promise<string> {
  if (chat === undefined) {
    if (system === undefined) return text ?? ''
    throw new StemkitError('bad-input', 'generate: --system goes with --chat')
  }
  if (text !== undefined) throw new StemkitError('bad-input', 'generate: give --prompt or --chat, not both')
  const template = await readChatTemplate(folder)
  if (!template) {
    throw new StemkitError(
      'bad-input',
      `generate: ${folder} has no chat template (chat_template in tokenizer_config.json); use --prompt`,
    )
  }
  const before = system === undefined ? [] : [{ role: 'system', content: system }]
  return template.render([...before, { role: 'user', content: chat }])
}

/** Text as it comes, and a line break however it ends, if it began. */
async function stream(generation: Generation): Promise<void> {
  let hasBegun = false
  try {
    for await (const { text } of generation) {
      hasBegun = true
      process.stdout.write(text)
    }
    hasBegun = true
  } finally {
    if (hasBegun) process.stdout.write('\n')
  }
}

/** Known, so that it can be reported and given again. */
const newSeed = (): number => Math.floor(Math.random() * 2 ** 32)
