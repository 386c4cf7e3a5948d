import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { createChatTemplate, type ChatTemplate } from '../chat-template.ts'

/** Where model folders keep their template, the newest way first. */
const TEMPLATE_FILE = 'chat_template.jinja'
const CONFIG_FILE = 'tokenizer_config.json'
const OLDER_FILE = 'chat_template.json'

/**
 * The chat template of a model folder: `chat_template.jinja`, or as `tokenizer_config.json` or `chat_template.json` has it.
 * `file`: another template to take instead. Undefined where there is none.
 * @throws not-found for a `file` that is not there, corrupt for a file that is no JSON, bad-input for a template that does not parse
 */
export async function readChatTemplate(folder: string, file?: string): Promise<ChatTemplate | undefined> {
  const config = (await readJson(join(folder, CONFIG_FILE))) ?? {}
  const source = file === undefined ? await sourceIn(folder, config) : await readText(file)
  if (source === undefined) {
    if (file === undefined) return undefined
    throw new StemkitError('not-found', `the chat template ${file} does not exist`)
  }
  return createChatTemplate(source, { bosToken: tokenIn(config, 'bos_token'), eosToken: tokenIn(config, 'eos_token') })
}

async function sourceIn(folder: string, config: Json): Promise<string | undefined> {
  const text = (await readText(join(folder, TEMPLATE_FILE))) ?? templateIn(config)
  return text ?? templateIn((await readJson(join(folder, OLDER_FILE))) ?? {})
}

type Json = Readonly<Record<string, unknown>>

/** A text, or several with names, of which `default` is the one. */
function templateIn({ chat_template: value }: Json): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const all = value as readonly Json[]
  const { template } = all.find((each) => each['name'] === 'default') ?? all[0] ?? {}
  return typeof template === 'string' ? template : undefined
}

/** A text, or an object that holds it. */
function tokenIn(config: Json, key: string): string | undefined {
  const value = config[key]
  if (typeof value === 'string') return value
  const content = (value as Json | null | undefined)?.['content']
  return typeof content === 'string' ? content : undefined
}

async function readJson(path: string): Promise<Json | undefined> {
  const text = await readText(path)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Json
  } catch (cause) {
    throw new StemkitError('corrupt', `${path} is not valid JSON`, { cause })
  }
  throw new StemkitError('corrupt', `${path} holds no object`)
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StemkitError('io', `${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}
