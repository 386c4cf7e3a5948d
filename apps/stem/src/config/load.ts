import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { resolvePlugin } from '@stemkit/plugin/node'
import { StemkitError } from '@stemkit/spec/errors'
import { parse } from 'yaml'
import { z } from 'zod'
import { nearest } from './nearest.ts'
import { runSchema, type RunConfig } from './schema.ts'

/**
 * Reads a run's YAML or JSON file and lays `--set a.b=value` over it. Paths of plugins become absolute: those of the file
 * are relative to it, those of `--plugin`, which come after them, to the working folder.
 * @throws StemkitError 'not-found' or 'bad-input', naming file and key
 */
export async function loadRunConfig(
  file: string,
  overrides: readonly string[] = [],
  plugins: readonly string[] = [],
): Promise<RunConfig> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const known: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder, not a file' }
    const problem = known[error.code ?? ''] ?? error.message
    throw new StemkitError('not-found', `config ${file}: ${problem}`)
  })
  const config = resolveRunConfig(parseYaml(text, file), overrides, file)
  const own = config.plugins.map((specifier) => resolvePlugin(specifier, dirname(file)))
  const added = plugins.map((specifier) => resolvePlugin(specifier, process.cwd()))
  return { ...config, plugins: [...new Set([...own, ...added])] }
}

/** Checks a config that is already an object. `where` names it in messages. */
export function resolveRunConfig(value: unknown, overrides: readonly string[], where: string): RunConfig {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StemkitError('bad-input', `config ${where}: it holds no keys; see the example in the README`)
  }
  const config = structuredClone(value) as Record<string, unknown>
  for (const override of overrides) applyOverride(config, override)
  const result = runSchema.safeParse(config)
  if (result.success) return result.data
  throw new StemkitError('bad-input', `config ${where}: ${describe(result.error.issues[0]!, config)}`)
}

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new StemkitError('bad-input', `config ${file}: ${(error as Error).message.split('\n')[0]}`)
  }
}

/** `a.b=value`; the value is read as YAML, so `3`, `true`, `[1, 3]` and `null` mean what they mean there. */
function applyOverride(config: Record<string, unknown>, override: string): void {
  const at = override.indexOf('=')
  const path = override.slice(0, Math.max(at, 0)).split('.')
  if (at < 1 || path.some((key) => key === '' || key === '__proto__' || key === 'constructor')) {
    throw new StemkitError('bad-input', `--set ${override}: write it as key.subkey=value`)
  }
  let target = config
  for (const key of path.slice(0, -1)) {
    if (typeof target[key] !== 'object' || target[key] === null) target[key] = {}
    target = target[key] as Record<string, unknown>
  }
  target[path.at(-1)!] = parseYaml(override.slice(at + 1), `--set ${override}`)
}

function describe(issue: z.core.$ZodIssue, config: unknown): string {
  const path = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const known = knownKeys(issue.path)
    const meant = nearest(key, known)
    const full = [...issue.path, key].join('.')
    return meant !== undefined
      ? `unknown key ${full}; did you mean ${[...issue.path, meant].join('.')}?`
      : `unknown key ${full}; known are ${known.join(', ')}`
  }
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], config)
  if (value === undefined) return `${path} is missing`
  return `${path} is ${JSON.stringify(value)}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`
}

/** The keys that the schema knows at a path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = runSchema
  const inner = (value: unknown): unknown =>
    value instanceof z.ZodDefault || value instanceof z.ZodOptional ? inner(value.unwrap()) : value
  for (const key of path) {
    schema = inner(schema)
    schema = schema instanceof z.ZodObject ? schema.shape[key as string] : undefined
  }
  schema = inner(schema)
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}
