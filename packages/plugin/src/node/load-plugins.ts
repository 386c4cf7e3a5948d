import { stat } from 'node:fs/promises'
import { isAbsolute, join, resolve as resolvePath } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { resolve as resolveModule } from 'import-meta-resolve'
import { checkPlugin, type Plugin } from '../define-plugin.ts'

export interface LoadPluginsOptions {
  /** The folder that relative paths start from and packages are looked up from. Default: the working folder. */
  readonly base?: string
  readonly signal?: AbortSignal
}

const isPath = (specifier: string): boolean => /^\.{1,2}([/\\]|$)/.test(specifier) || isAbsolute(specifier)

/** What names the same plugin from everywhere: a relative path made absolute, anything else as it is. */
export const resolvePlugin = (specifier: string, base: string): string =>
  isPath(specifier) ? resolvePath(base, specifier) : specifier

/**
 * Loads plugins, each named by a path (`./mine.ts`; Node strips its types) or a package, and checks them. One that is
 * named twice is loaded once. Their code runs with all that the process may do: load what you trust.
 * @throws not-found or bad-input with one line that names the plugin, what is wrong with it and what to do
 */
export async function loadPlugins(
  specifiers: readonly string[],
  { base = process.cwd(), signal }: LoadPluginsOptions = {},
): Promise<Plugin[]> {
  const urls = new Map<string, string>()
  for (const specifier of specifiers) {
    const url = isPath(specifier) ? await urlOfFile(specifier, base) : urlOfPackage(specifier, base)
    if (!urls.has(url)) urls.set(url, specifier)
  }
  const plugins: Plugin[] = []
  for (const [url, specifier] of urls) {
    signal?.throwIfAborted()
    plugins.push(await load(url, specifier))
  }
  return plugins
}

async function load(url: string, specifier: string): Promise<Plugin> {
  const wrong = (problem: string, cause?: unknown): StemkitError =>
    new StemkitError('bad-input', `plugin ${specifier}: ${problem}`, { cause })
  const module = await import(url).then(
    (loaded: object) => loaded,
    (error: unknown) => {
      throw wrong(whyNotLoaded(error), error)
    },
  )
  if (!('default' in module)) {
    throw wrong('it has no default export; write `export default definePlugin({ name, ... })`')
  }
  try {
    return checkPlugin(module.default)
  } catch (error) {
    throw wrong((error as Error).message, error)
  }
}

async function urlOfFile(specifier: string, base: string): Promise<string> {
  const path = resolvePath(base, specifier)
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new StemkitError('not-found', `plugin ${specifier}: there is no ${path}; correct the path`)
  if (found.isDirectory()) {
    throw new StemkitError('bad-input', `plugin ${specifier}: ${path} is a folder; name the file in it`)
  }
  return pathToFileURL(path).href
}

/** As Node would resolve it in a file of the base folder, else in one of the working folder. */
function urlOfPackage(specifier: string, base: string): string {
  const problems: Error[] = []
  for (const folder of new Set([resolvePath(base), process.cwd()])) {
    try {
      return resolveModule(specifier, pathToFileURL(join(folder, 'plugins.js')).href)
    } catch (error) {
      problems.push(error as Error)
    }
  }
  const absent = problems.every((error) => codeOf(error) === 'ERR_MODULE_NOT_FOUND')
  const hint = /\.[cm]?[jt]s$/.test(specifier) ? `write ./${specifier} for a file` : `npm install ${specifier}`
  throw absent
    ? new StemkitError('not-found', `plugin ${specifier}: no such package can be found from ${base}; ${hint}`)
    : new StemkitError('bad-input', `plugin ${specifier}: ${firstLine(problems[0]!)}`, { cause: problems[0] })
}

function whyNotLoaded(error: unknown): string {
  if (!(error instanceof Error)) return `loading it threw ${String(error)}`
  // What definePlugin has to say needs no introduction.
  if (StemkitError.isInstance(error)) return firstLine(error)
  if (codeOf(error) === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING') {
    return 'it is TypeScript inside node_modules, where Node strips no types; a package has to ship JavaScript'
  }
  return `loading it failed: ${error.name}: ${firstLine(error)}`
}

const codeOf = (error: Error): unknown => ('code' in error ? error.code : undefined)
const firstLine = ({ message }: Error): string => message.split('\n')[0]!
