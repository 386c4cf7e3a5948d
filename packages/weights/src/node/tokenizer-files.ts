import { join } from 'node:path'
import { listFolder, readSmallFile } from './small-file.ts'

const NAMES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'vocab.json',
  'merges.txt',
]

/** The files of a folder that make its tokenizer, by name: what goes along when a model is converted. */
export async function readTokenizerFiles(folder: string, signal?: AbortSignal): Promise<Map<string, Uint8Array>> {
  const present = await listFolder(folder)
  const files = new Map<string, Uint8Array>()
  for (const name of NAMES) {
    if (present.includes(name)) files.set(name, await readSmallFile(join(folder, name), signal))
  }
  return files
}
