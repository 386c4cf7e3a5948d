import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Help } from 'commander'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COMMANDS, nameOf } from './commands/all-commands.ts'
import { stem } from './testing/stem-process.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-main-'))
})
afterAll(() => rm(dir, { recursive: true }))

/** What a command line has loaded, by URL. */
async function modulesOf(args: readonly string[]): Promise<string[]> {
  const said = join(dir, 'loaded.txt')
  const hooks = `import { appendFileSync } from 'node:fs'
    import { registerHooks } from 'node:module'
    registerHooks({ load: (url, context, next) => (appendFileSync(process.env.LOADED, url + '\\n'), next(url, context)) })`
  const preload = `--import=data:text/javascript,${encodeURIComponent(hooks)}`
  await promisify(execFile)(process.execPath, [preload, main, ...args], {
    env: { ...process.env, LOADED: said },
  }).catch(() => {})
  const urls = (await readFile(said, 'utf8')).trim().split('\n')
  await rm(said)
  return urls
}

const commands = ['train', 'generate', 'verify', 'convert', 'export', 'recipe']

describe('stem', () => {
  test('--help lists the commands, with examples and exit codes', async () => {
    const { code, stdout, stderr } = await stem(['--help'], dir)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('Exit codes: 0 done')
  })

  test('lists the commands as they are', async () => {
    for (const listed of COMMANDS) {
      const command = await listed.load()
      expect(nameOf(listed)).toBe(command.name())
      expect(listed.term).toBe(new Help().subcommandTerm(command))
      expect(listed.description).toBe(command.description())
    }
  })

  const asked = [
    ['--help'],
    ['--version'],
    ['eval', '--nothing'],
    ['edit', 'eval', '--help'],
    ...COMMANDS.map((listed) => ['help', nameOf(listed)]),
  ]
  test.each(asked.map((args) => [args]))('%j loads nothing that computes', async (args) => {
    const loaded = await modulesOf(args)
    expect(loaded).toContainEqual(expect.stringMatching(/terminal\/exit\.ts$/))
    const heavy = /@stemkit|packages\/(?!spec\/)|onnxruntime|tfjs|koffi|zod|node:sqlite/
    expect(loaded.filter((url) => heavy.test(url))).toEqual([])
  })

  test('without a command shows the same on stderr', async () => {
    expect(await stem([], dir)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^Usage: stem/) })
  })

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(await stem(['--version'], dir)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test.each([
    [['trian'], "error: unknown command 'trian' (Did you mean train?)\n"],
    [['train', 'run.yaml', '--resum'], "error: unknown option '--resum' (Did you mean --resume?)\n"],
    [['train'], "error: missing required argument 'config'\n"],
    [['recipe', 'soto'], 'error: there is no recipe soto; there is sotu, facts\n'],
    [['recipe', 'sotu', '--steps', 'many'], /^error: option '--steps <n>' argument 'many' is invalid\. It must be a /],
    [['recipe', 'sotu', '--seeds', '0'], /argument '0' is invalid\. It must be a whole number, 1 or more\.\n$/],
    [
      ['train', 'run.yaml', '--run', 'a', 'b'],
      /^error: too many arguments for 'train'\. Expected 1 argument but got 2/,
    ],
  ])('refuses %j in one line, with exit code 2', async (args, line) => {
    const { code, stdout, stderr } = await stem(args, dir)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    if (typeof line === 'string') expect(stderr).toBe(line)
    else expect(stderr).toMatch(line)
    expect(stderr.trim().split('\n').length).toBe(1)
    expect(await readdir(dir)).toEqual([])
  })
})
