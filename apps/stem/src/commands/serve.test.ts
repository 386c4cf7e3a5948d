import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand } from '../testing/run-command.ts'
import { startStem, stem, type StemProcess } from '../testing/stem-process.ts'
import { editCommand } from './edit.ts'
import { serveCommand } from './serve.ts'
import { storeCommand } from './store.ts'

const MINUTES = 60_000 * 3
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-serve-'))
  await writeTinyModel(join(folder, 'tiny'), { maxLength: 512 })
  await writeFile(join(folder, 'template.jinja'), "{% for m in messages %}{{ m.content + ' ' }}{% endfor %}")
  await writeFile(join(folder, 'keys.txt'), '# those who may\nfirst-key\n\nsecond-key\n')
})
afterAll(() => rm(folder, { recursive: true }))

/** A server that has printed its first line. */
async function start(...args: string[]): Promise<StemProcess & { readonly line: string }> {
  const running = startStem(['serve', 'tiny', '--port', '0', ...args], folder)
  const [line] = (await once(running.process.stdout!, 'data')) as [string]
  return { ...running, line }
}
const json = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
})

describe('stem serve', () => {
  test(
    'says where it listens, answers, and exits with 0 when it is told to',
    async () => {
      const { process: child, ended, line } = await start('--chat-template', 'template.jinja')
      expect(line).toMatch(/^serving tiny at http:\/\/127\.0\.0\.1:\d+\/v1\n$/)
      const base = line.trim().split(' ').at(-1)!
      const chat = { model: 'tiny', messages: [{ role: 'user', content: 'the' }], max_tokens: 4, temperature: 0 }
      const answer = (await (await fetch(`${base}/chat/completions`, json(chat))).json()) as Record<string, unknown>
      expect(answer).toMatchObject({ model: 'tiny', usage: { prompt_tokens: 4, completion_tokens: 4 } })
      const metrics = await (await fetch(base.replace('/v1', '/metrics'))).text()
      expect(metrics).toContain('stemkit_tokens_total{model="tiny",kind="completion"} 4')
      expect(metrics).toContain('stemkit_model_decoded_tokens_total{model="tiny"} 4')
      expect(metrics).toMatch(/^stemkit_time_to_first_token_seconds_count\{model="tiny"\} 1$/m)
      expect(metrics).toMatch(/^stemkit_inter_token_seconds_count\{model="tiny"\} 3$/m)
      expect(metrics).toMatch(/^stemkit_model_queue\{model="tiny"\} 0$/m)
      child.kill('SIGTERM')
      expect(await ended).toMatchObject({ code: 0, stderr: '' })
    },
    MINUTES,
  )

  test(
    'lets running requests end after SIGTERM, and refuses new ones',
    async () => {
      const { process: child, ended, line } = await start('--json')
      const { listening, models } = JSON.parse(line) as { listening: string; models: string[] }
      expect(models).toEqual(['tiny'])
      const body = { model: 'tiny', prompt: 'the', max_tokens: 400, logit_bias: { 95: -100 }, stream: true }
      const response = await fetch(`${listening}/v1/completions`, json(body))
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let text = (await reader.read()).value!
      child.kill('SIGTERM')
      await once(child.stderr!, 'data')
      expect((await fetch(`${listening}/health`)).status).toBe(503)
      expect((await fetch(`${listening}/v1/completions`, json({ ...body, max_tokens: 1 }))).status).toBe(503)
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) text += piece.value
      expect(text).toMatch(/data: \[DONE\]\n\n$/)
      const { code, stdout, stderr } = await ended
      expect({ code, stderr }).toEqual({ code: 0, stderr: 'waiting for 1 texts to end; again to stop at once\n' })
      const log = stdout
        .trim()
        .split('\n')
        .slice(1)
        .map((each) => JSON.parse(each) as Record<string, unknown>)
      expect(log.at(-1)).toMatchObject({ route: '/v1/completions', status: 200, model: 'tiny', completionTokens: 400 })
    },
    MINUTES,
  )

  test(
    'asks for a key of the file',
    async () => {
      const { process: child, ended, line } = await start('--api-key-file', 'keys.txt', '--name', 'mine')
      const base = line.trim().split(' ').at(-1)!
      expect((await fetch(`${base}/models`)).status).toBe(401)
      const models = await fetch(`${base}/models`, { headers: { authorization: 'Bearer second-key' } })
      expect(await models.json()).toMatchObject({ data: [{ id: 'mine', max_model_len: 512, chat: false }] })
      child.kill('SIGINT')
      expect((await ended).code).toBe(0)
    },
    MINUTES,
  )

  test(
    'reads edits, its own and those that others make, and lets who has an admin key edit',
    async () => {
      const rows = pathToFileURL(join(folder, 'rows')).href
      await runCommand(storeCommand(), ['create', rows, '--from', join(folder, 'tiny')])
      await writeFile(join(folder, 'overlays.txt'), 'plain\ntenant edit/ann/\n')
      await writeFile(join(folder, 'admin.txt'), 'admin-key\n')
      const keys = ['--api-key-file', 'overlays.txt', '--admin-key-file', 'admin.txt']
      const { process: child, ended, line } = await start('--store', rows, ...keys, '--json')
      const { listening } = JSON.parse(line) as { listening: string }
      const as = (key: string) => ({ authorization: `Bearer ${key}` })
      const answer = async (key: string, more: object = {}) => {
        const body = { model: 'tiny', prompt: 'ab', max_tokens: 8, temperature: 0, ...more }
        const response = await fetch(`${listening}/v1/completions`, json(body, as(key)))
        const { choices, tables } = (await response.json()) as { choices?: { text: string }[]; tables?: string }
        return { status: response.status, text: choices?.[0]!.text, tables: tables?.replace(/^[^/]+/, '') }
      }
      const before = await answer('plain')
      expect(before).toMatchObject({ status: 200, tables: '/1' })

      const edit = { name: 'b-as-z', source: 'b', target: 'Z', spaces: 'without' }
      const apply = (key: string, more: object = {}) =>
        fetch(`${listening}/admin/edits`, json({ model: 'tiny', edit, ...more }, as(key)))
      expect((await apply('plain')).status).toBe(401)
      expect((await apply('admin-key')).status).toBe(200)
      const after = await answer('plain')
      expect(after.tables).toBe('/2+edits')
      expect(after.text).not.toBe(before.text)

      const cli = (...args: string[]) => runCommand(editCommand(), [...args, '--store', rows])
      const tiny = join(folder, 'tiny')
      const mine = ['--source', 'b', '--target', 'Y', '--spaces', 'without', '--name', 'mine', '--user', 'ann']
      expect((await cli('apply', tiny, ...mine)).code).toBe(0)
      expect((await answer('plain', { overlay: 'edit/ann/mine' })).status).toBe(403)
      const own = await answer('tenant', { overlay: 'edit/ann/mine' })
      expect(own).toMatchObject({ status: 200, tables: '/3+edits+edit/ann/mine' })
      expect(new Set([before.text, after.text, own.text]).size).toBe(3)

      expect((await cli('undo', tiny, 'b-as-z')).code).toBe(0)
      const listed = await fetch(`${listening}/admin/edits?model=tiny`, { headers: as('admin-key') })
      expect(await listed.json()).toMatchObject({ data: [{ name: 'mine', user: 'ann' }] })
      expect((await answer('plain')).text).toBe(before.text)
      child.kill('SIGTERM')
      expect((await ended).code).toBe(0)
    },
    MINUTES,
  )

  test(
    'says in one line what is wrong',
    async () => {
      const { process: child, ended, line } = await start()
      const port = /:(\d+)\//.exec(line)![1]!
      // Before anything is loaded: there is no such model.
      const taken = await stem(['serve', 'nowhere', '--port', port], folder)
      expect(taken).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(/^error: .*port \d+.*\n$/) as string,
      })
      child.kill('SIGTERM')
      await ended
      for (const [args, code, text] of [
        [['serve', 'nowhere', '--port', '0'], 1, 'nowhere'],
        [['serve', 'tiny', '--port', 'x'], 2, '--port'],
        [['serve', 'tiny', '--admin-key-file', 'none.txt'], 1, 'none.txt'],
        [['serve', 'tiny', '--api-key-file', 'none.txt'], 1, 'none.txt'],
        [['serve', 'tiny', '--chat-template', 'none.jinja'], 1, 'none.jinja'],
      ] as const) {
        const [, model, ...rest] = args
        const paths = rest.map((each) => (each.startsWith('none') ? join(folder, each) : each))
        const failed = await runCommand(serveCommand(), [join(folder, model), ...paths])
        expect(failed).toMatchObject({ code, stdout: '' })
        expect(failed.stderr).toMatch(/^error: [^\n]+\n$/)
        expect(failed.stderr).toContain(text)
      }
    },
    MINUTES,
  )
})
