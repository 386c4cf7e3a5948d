import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readAdminKeys, readApiKeys, readChatTemplate, splitAdminKeys, splitApiKeys } from '../node.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stemkit-settings-'))
})
afterAll(() => rm(root, { recursive: true }))

const folder = async (files: Record<string, string>): Promise<string> => {
  const made = await mkdtemp(join(root, 'folder-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(made, name), text)
  return made
}
const messages = [{ role: 'user', content: 'hi' }]
const SOURCE = '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ eos_token }}'

describe('the chat template of a model folder', () => {
  test.each([
    [
      'chat_template.jinja',
      { 'chat_template.jinja': SOURCE, 'tokenizer_config.json': '{"bos_token":"<s>"}' },
      '<s>[user]hi',
    ],
    [
      'tokenizer_config.json',
      { 'tokenizer_config.json': JSON.stringify({ chat_template: SOURCE, eos_token: { content: '</s>' } }) },
      '[user]hi</s>',
    ],
    [
      'several in tokenizer_config.json',
      {
        'tokenizer_config.json': JSON.stringify({
          chat_template: [
            { name: 'rag', template: 'no' },
            { name: 'default', template: SOURCE },
          ],
        }),
      },
      '[user]hi',
    ],
    ['chat_template.json', { 'chat_template.json': JSON.stringify({ chat_template: SOURCE }) }, '[user]hi'],
  ])('is read from %s', async (_, files, text) => {
    expect((await readChatTemplate(await folder(files)))!.render(messages)).toBe(text)
  })

  test('may be missing, or another file', async () => {
    expect(await readChatTemplate(await folder({}))).toBe(undefined)
    const made = await folder({ 'mine.jinja': 'mine' })
    expect((await readChatTemplate(made, join(made, 'mine.jinja')))!.render(messages)).toBe('mine')
    await expect(readChatTemplate(made, join(made, 'none'))).rejects.toMatchObject({ code: 'not-found' })
  })

  test('is refused where it does not parse, and refuses what it does not know', async () => {
    await expect(readChatTemplate(await folder({ 'chat_template.jinja': '{% for' }))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/^the chat template does not parse: [^\n]+$/) as string,
    })
    await expect(readChatTemplate(await folder({ 'tokenizer_config.json': '{' }))).rejects.toMatchObject({
      code: 'corrupt',
    })
    const picky = await readChatTemplate(await folder({ 'chat_template.jinja': "{{ raise_exception('never') }}" }))
    expect(() => picky!.render(messages)).toThrow('the chat template refuses these messages: never')
  })
})

describe('keys', () => {
  test('are the lines of a file, or what stands between commas', async () => {
    const made = await folder({
      keys: '# those who may\r\none\n\n  two  facts,edit/ann/ \n',
      none: '#\n',
      odd: 'one two three\n',
      foreign: 'one\nschlüssel\n',
    })
    expect(await readApiKeys(join(made, 'keys'))).toEqual([
      { key: 'one' },
      { key: 'two', overlays: ['facts', 'edit/ann/'] },
    ])
    expect(splitApiKeys('one, two,', 'KEYS')).toEqual([{ key: 'one' }, { key: 'two' }])
    await expect(readApiKeys(join(made, 'none'))).rejects.toThrow('has no API key')
    await expect(readApiKeys(join(made, 'odd'))).rejects.toThrow('API key 1 has more behind it than overlays')
    await expect(readApiKeys(join(made, 'foreign'))).rejects.toThrow(
      'API key 2 has a space or a character beyond ASCII',
    )
    await expect(readApiKeys(join(made, 'gone'))).rejects.toMatchObject({ code: 'io' })
    expect(() => splitApiKeys('one two', 'KEYS')).toThrow('KEYS: API key 1 has a space')
  })

  test('for administration have nothing behind them', async () => {
    const made = await folder({ keys: '# me\nkey\n', odd: 'key facts\n' })
    expect(await readAdminKeys(join(made, 'keys'))).toEqual(['key'])
    expect(splitAdminKeys('one,two', 'KEYS')).toEqual(['one', 'two'])
    await expect(readAdminKeys(join(made, 'odd'))).rejects.toThrow('admin key 1 has a space')
    expect(() => splitAdminKeys(',', 'KEYS')).toThrow('KEYS has no admin key')
  })
})
