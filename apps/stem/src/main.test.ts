import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stem } from './testing/stem-process.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-main-'))
})
afterAll(() => rm(dir, { recursive: true }))

const commands = ['train', 'generate', 'verify', 'convert', 'export', 'recipe']

describe('stem', () => {
  test('--help lists the commands, with examples and exit codes', async () => {
    const { code, stdout, stderr } = await stem(['--help'], dir)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('Exit codes: 0 done')
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
