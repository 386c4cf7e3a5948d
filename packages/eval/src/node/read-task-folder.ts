import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { isScalar, parseDocument } from 'yaml'
import { checkDefinition, isGroup, type Definition } from '../tasks/check-definition.ts'
import type { Processors } from '../tasks/processors.ts'
import type { TaskSet } from '../tasks/task-registry.ts'

const CODE_FILES = ['processors.ts', 'processors.js', 'processors.mjs']

/**
 * Tasks and groups of a folder: one in each file that ends in `.yaml` or `.yml`, at any depth. Files whose names begin with `_` are only
 * for others to include (`include: _common.yaml`, fields of the file itself have precedence). `processors.ts` or `.js` in the folder, if
 * there is one, is loaded: its default export has the functions that the files name.
 * @throws with the file and the field where a definition is wrong
 */
export async function readTaskFolder(folder: string): Promise<TaskSet> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new StemkitError('not-found', `tasks of ${folder} cannot be read (${error.message})`)
  })
  const files = entries.filter((entry) => entry.isFile() && /^[^_].*\.ya?ml$/.test(entry.name))
  if (files.length === 0)
    throw new StemkitError('not-found', `${folder} has no tasks; they are files that end in .yaml`)
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  const definitions: Definition[] = []
  const places = new Map<string, string>()
  for (const path of paths) {
    const where = relative(folder, path)
    const definition = checkDefinition(await readFields(path, []), where)
    const name = isGroup(definition) ? definition.group : definition.task
    const other = places.get(name)
    if (other !== undefined) throw new StemkitError('bad-input', `${where}: ${name} is in ${other} already`)
    places.set(name, where)
    definitions.push(definition)
  }
  const processors = await loadProcessors(folder)
  return { definitions, ...(processors && { processors }) }
}

/** The fields of a file, laid over those of the files that it includes. */
async function readFields(path: string, within: readonly string[]): Promise<Record<string, unknown>> {
  if (within.includes(path)) {
    throw new StemkitError(
      'bad-input',
      `${basename(path)} includes itself, through ${within.map((file) => basename(file)).join(', ')}`,
    )
  }
  const { include = [], ...own } = await parseFile(path)
  const fields: Record<string, unknown> = {}
  for (const included of [include].flat()) {
    const target = resolve(dirname(path), String(included))
    if (!existsSync(target))
      throw new StemkitError('not-found', `${basename(path)} includes ${String(included)}, which is not there`)
    Object.assign(fields, await readFields(target, [...within, path]))
  }
  return { ...fields, ...own }
}

async function parseFile(path: string): Promise<Record<string, unknown>> {
  const document = parseDocument(await readFile(path, 'utf8'), { prettyErrors: true })
  const [problem] = [...document.errors, ...document.warnings]
  if (problem) {
    const [line = ''] = problem.message.split('\n')
    const hint = line.includes('!function') ? '; tasks are data here: name a processor instead' : ''
    throw new StemkitError('bad-input', `${basename(path)}: ${line.replace(/:$/, '')}${hint}`)
  }
  const fields: unknown = document.toJS()
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new StemkitError('bad-input', `${basename(path)}: a task is a mapping of fields`)
  }
  // Versions of groups are shown as they are written: 3.0 is not 3.
  const version = document.getIn(['metadata', 'version'], true)
  const written =
    'group' in fields && isScalar(version) && typeof version.value === 'number' ? version.source : undefined
  if (written === undefined) return fields as Record<string, unknown>
  return { ...fields, metadata: { ...(fields as { metadata: object }).metadata, version: written } }
}

async function loadProcessors(folder: string): Promise<Processors | undefined> {
  const path = CODE_FILES.map((name) => resolve(folder, name)).find((file) => existsSync(file))
  if (path === undefined) return undefined
  const { default: processors } = (await import(pathToFileURL(path).href)) as { default?: Processors }
  if (typeof processors === 'object') return processors
  throw new StemkitError('bad-input', `${path}: its default export must be an object of processors`)
}
