/** What the documents say is there: config keys, commands, quoted code, linked files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readTaskFolder } from '@stemkit/eval/node'
import { COMMANDS } from '../apps/stem/src/commands/all-commands.ts'
import { loadRunConfig, resolveRunConfig } from '../apps/stem/src/config/load.ts'
import { runSchema } from '../apps/stem/src/config/schema.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const documents = ['README.md', ...markdownIn('docs')]

function markdownIn(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`)
}

describe('docs/config.md', () => {
  type Node = { properties?: Record<string, Node> }
  const keysOf = ({ properties = {} }: Node, at = ''): string[] =>
    Object.entries(properties).flatMap(([key, node]) =>
      node.properties ? keysOf(node, `${at}${key}.`) : [`${at}${key}`],
    )
  const keys = keysOf(z.toJSONSchema(runSchema, { io: 'input' }) as Node)
  const rows = new Map(
    Array.from(read('docs/config.md').matchAll(/^\| `([\w.]+)` +\| (.+?) +\| .+ \|$/gm), ([, key, value]) => [
      key!,
      value!,
    ]),
  )

  test('has a row for every key of the schema, and for nothing else', () => {
    expect(keys.length).toBeGreaterThan(30)
    expect([...rows.keys()].toSorted()).toEqual(keys.toSorted())
  })

  test('gives the default of each key', () => {
    const defaults: unknown = resolveRunConfig({ data: { train: 'x' }, training: { steps: 1 } }, [], 'x')
    for (const [key, written] of rows) {
      if (written === 'required') {
        const [section, name] = key.split('.') as [string, string]
        const base: Record<string, object> = { data: { train: 'x' }, training: { steps: 1 } }
        const without = { ...base, [section]: { ...base[section], [name]: undefined } }
        expect(() => resolveRunConfig(without, [], 'x'), key).toThrow(key)
        continue
      }
      const value = key.split('.').reduce((at, part) => (at as Record<string, unknown> | undefined)?.[part], defaults)
      if (value === undefined) expect(written, key).toMatch(/^none\b/)
      else expect(JSON.parse(written.replaceAll('`', '')), key).toEqual(value)
    }
  })
})

describe('YAML in documents', () => {
  const blocks = documents.flatMap((document) =>
    Array.from(read(document).matchAll(/```yaml\n(.*?)```/gs), ([, text]) => text!),
  )
  // They begin with their file name.
  const [tasks, configs] = [true, false].map((wanted) =>
    blocks.filter((text) => /^(?:task|group):/m.test(text) === wanted),
  ) as [string[], string[]]
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stemkit-docs-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is a config that stem train accepts', async () => {
    expect(configs.length).toBeGreaterThan(1)
    for (const text of configs) {
      writeFileSync(join(folder, 'run.yaml'), text)
      expect((await loadRunConfig(join(folder, 'run.yaml'))).training.steps).toBeGreaterThan(0)
    }
  })

  test('or a task that stem eval reads', async () => {
    expect(tasks.length).toBeGreaterThan(0)
    for (const text of tasks) writeFileSync(join(folder, /^# (\S+\.yaml)$/m.exec(text)![1]!), text)
    const { definitions } = await readTaskFolder(folder)
    expect(definitions).toHaveLength(tasks.length)
  })
})

const commands = await Promise.all(COMMANDS.map(({ load }) => load()))
type Command = (typeof commands)[number]

describe('docs/command-line.md', () => {
  const text = read('docs/command-line.md')
  const sectionOf = (command: Command): string =>
    text.split(/^## /m).find((section) => section.startsWith(`stem ${command.name()}\n`)) ?? ''
  const flags = (part: string): Set<string> => new Set(part.match(/(?<![\w-])--[a-z][a-z-]*/g))
  /** Those of a command and of its verbs. */
  const optionsOf = (command: Command): Command['options'] =>
    [command, ...command.commands].flatMap(({ options }) => options)
  const namesOf = (command: Command): Set<string> => new Set(optionsOf(command).map(({ long }) => long!))

  test.each(commands.map((command) => [command.name(), command] as const))(
    'stem %s has its options and no others',
    (_, command) => {
      const section = sectionOf(command)
      expect(section).not.toBe('')
      expect([...flags(section)].toSorted()).toEqual([...namesOf(command)].toSorted())
      for (const { argChoices = [] } of optionsOf(command))
        for (const choice of argChoices) expect(section).toContain(choice)
    },
  )

  test('every command line in a document is one that the commands accept', () => {
    for (const document of documents) {
      for (const [, name, rest] of read(document).matchAll(/^(?:npm run stem -- |pnpm stem |stem )(\w+)(.*)$/gm)) {
        const command = commands.find((each) => each.name() === name)
        expect(command, `${document}: stem ${name}`).toBeDefined()
        const known = namesOf(command!)
        for (const flag of flags(rest!)) expect([...known], `${document}: stem ${name}${rest}`).toContain(flag)
      }
    }
  })
})

/** `<!-- quote file region -->` before a code block: the block is that region of the file, or all of it without a name. */
test('code that a document quotes is the code that the tests run', () => {
  let quoted = 0
  for (const document of documents) {
    const blocks = read(document).matchAll(/<!-- quote (\S+?)(?: (\w+))? -->\n+```\w+\n(.*?)```/gs)
    for (const [, file, region, block] of blocks) {
      expect(block, `${document} quotes ${file} ${region ?? ''}`).toBe(regionOf(read(file!), region))
      quoted++
    }
  }
  expect(quoted).toBeGreaterThan(8)
})

/** Between `// #region name` and `// #endregion`, as editors fold them (in Python `# region name`), without its indentation. */
function regionOf(source: string, region: string | undefined): string {
  if (region === undefined) return source
  const lines = source.split('\n')
  const start = lines.findIndex(
    (line) => line.trim().endsWith(`# region ${region}`) || line.trim().endsWith(`#region ${region}`),
  )
  const length = lines.slice(start).findIndex((line) => /# ?endregion$/.test(line))
  if (start < 0 || length < 0) throw new Error(`there is no region ${region}`)
  const indent = lines[start]!.length - lines[start]!.trimStart().length
  return lines
    .slice(start + 1, start + length)
    .map((line) => `${line.slice(indent)}\n`)
    .join('')
}

test('links lead to files and headings that exist', () => {
  for (const document of documents) {
    const text = read(document).replaceAll(/```.*?```/gs, '')
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue
      const [path, anchor] = target!.split('#') as [string, string?]
      const file = path === '' ? join(root, document) : resolve(root, dirname(document), path)
      expect(existsSync(file), `${document} links to ${target}`).toBe(true)
      if (anchor !== undefined)
        expect(anchorsOf(readFileSync(file, 'utf8')), `${document} -> ${target}`).toContain(anchor)
    }
    for (const [, path] of text.matchAll(/`((?:packages|apps|tooling|examples|fixtures|docs)\/[\w./-]+)`/g)) {
      expect(existsSync(join(root, path!)), `${document} names ${path}`).toBe(true)
    }
  }
})

/** Headings as GitHub links to them. */
const anchorsOf = (text: string): string[] =>
  Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )
