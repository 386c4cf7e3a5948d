import { basename, resolve } from 'node:path'
import type { ApiKey } from '@stemkit/server'
import {
  errorLog,
  jsonLog,
  readAdminKeys,
  readApiKeys,
  readChatTemplate,
  runServer,
  splitAdminKeys,
  splitApiKeys,
} from '@stemkit/server/node'
import { loadServed, type LoadedModel } from './load-served.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { note, statusLine } from '../terminal/progress.ts'
import { KEYS_VARIABLE, ADMIN_KEYS_VARIABLE, type ServeFlags } from '../commands/serve.ts'

/** Serves a model until the process is told to stop. */
export async function runServe(folder: string, options: ServeFlags): Promise<void> {
  const { json, name = basename(resolve(folder)) } = options
  const signal = signalOfProcess()
  const apiKeys = await keysOf(options)
  const adminKeys = await adminKeysOf(options)
  const chatTemplate = await readChatTemplate(folder, options.chatTemplate)
  const { feedForwards: custom, drivers } = await openPlugins(options.plugin, { signal })
  const status = statusLine()
  const { store, budget, slots, context, threads, kvCache, deterministic } = options
  const print = (line: string): void => void process.stdout.write(line)
  let loaded: LoadedModel | undefined
  try {
    const cut = await runServer({
      async load() {
        loaded = await loadServed(folder, {
          signal,
          custom,
          drivers,
          store,
          budget,
          slots,
          context,
          threads,
          kvCache,
          deterministic,
          onProgress: ({ bytes, totalBytes }) => status.show(`loading ${Math.round((100 * bytes) / totalBytes)}%`),
          onWithoutEdits: note,
        }).finally(status.clear)
        return { [name]: { ...loaded, chatTemplate } }
      },
      host: options.host,
      port: options.port,
      apiKeys,
      adminKeys,
      cors: options.cors?.includes('*') ? '*' : options.cors,
      limits: { bodyBytes: options.maxBody, texts: options.maxTexts, timeoutMs: options.timeout * 1000 },
      observers: [json ? jsonLog(print) : errorLog(note)],
      signal,
      drainMs: options.drain * 1000,
      onListening: (url) =>
        print(json ? `${JSON.stringify({ listening: url, models: [name] })}\n` : `serving ${name} at ${url}/v1\n`),
      onDraining: (inFlight) => inFlight > 0 && note(`waiting for ${inFlight} texts to end; again to stop at once`),
    })
    if (cut > 0) note(`${cut} texts were cut short`)
  } finally {
    await loaded?.dispose()
  }
}

/** Undefined where none are given: then everybody may use the server. */
async function keysOf({ apiKeyFile }: ServeFlags): Promise<ApiKey[] | undefined> {
  const inVariable = process.env[KEYS_VARIABLE]
  if (apiKeyFile === undefined && inVariable === undefined) return undefined
  return [
    ...(apiKeyFile === undefined ? [] : await readApiKeys(apiKeyFile)),
    ...(inVariable === undefined ? [] : splitApiKeys(inVariable, KEYS_VARIABLE)),
  ]
}

/** None where none are given: then nobody may edit. */
async function adminKeysOf({ adminKeyFile }: ServeFlags): Promise<string[]> {
  const inVariable = process.env[ADMIN_KEYS_VARIABLE]
  return [
    ...(adminKeyFile === undefined ? [] : await readAdminKeys(adminKeyFile)),
    ...(inVariable === undefined ? [] : splitAdminKeys(inVariable, ADMIN_KEYS_VARIABLE)),
  ]
}
