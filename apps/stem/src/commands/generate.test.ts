import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSafetensors, type Tensor } from '@stemkit/weights'
import { saveSafetensors } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { generateCommand } from './generate.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stem-generate-'))
  await writeTinyModel(folder)
})
afterAll(() => rm(folder, { recursive: true }))

const generate = (...args: string[]): Promise<Outcome> => runCommand(generateCommand(), [folder, ...args])
const generated = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await generate('--json', ...args)).stdout) as Record<string, unknown>

describe('stem generate', () => {
  test('prints the text, and as JSON the same text with all about it', async () => {
    const args = ['--prompt', 'the', '--max-tokens', '12', '--seed', '4']
    const { code, stdout, stderr } = await generate(...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const result = await generated(...args)
    expect(result).toEqual({
      prompt: 'the',
      text: stdout.slice(0, -1),
      tokens: expect.any(Array) as unknown,
      logprobs: expect.any(Array) as unknown,
      finishReason: 'length',
      usage: { promptTokens: 3, cachedTokens: 0, completionTokens: 12, totalTokens: 15 },
      seed: 4,
    })
    expect(stdout.length).toBe(13)
  })

  test('chooses the likeliest tokens at temperature 0, whatever the seed', async () => {
    const args = ['--prompt', 'the', '--max-tokens', '8', '--temperature', '0']
    expect((await generated(...args)).tokens).toEqual((await generated(...args, '--seed', '9')).tokens)
  })

  test('tells the seed that it took, which gives the same text again', async () => {
    const first = await generated('--prompt', 'a', '--temperature', '2')
    const again = await generated('--prompt', 'a', '--temperature', '2', '--seed', String(first['seed']))
    expect(again).toEqual(first)
  })

  test('ends before any of the stop texts', async () => {
    const free = await generated('--prompt', 'the', '--seed', '1', '--max-tokens', '20')
    const [late, early] = [(free['text'] as string).slice(12, 14), (free['text'] as string).slice(5, 7)]
    const { text, finishReason } = await generated(
      '--prompt',
      'the',
      '--seed',
      '1',
      '--max-tokens',
      '20',
      '--stop',
      late,
      '--stop',
      early,
    )
    expect((free['text'] as string).startsWith((text as string) + early)).toBe(true)
    expect(finishReason).toBe('stop')
  })

  test('starts a text of its own without a prompt', async () => {
    const { usage } = await generated('--max-tokens', '1')
    expect(usage).toEqual({ promptTokens: 1, cachedTokens: 0, completionTokens: 1, totalTokens: 2 })
  })

  test('leaves out what a bias rules out, and names what was likely', async () => {
    const args = ['--prompt', 'the', '--max-tokens', '6', '--temperature', '0']
    const free = await generated(...args, '--top-logprobs', '2')
    const [first] = free['tokens'] as number[]
    const [likely] = free['topLogprobs'] as { token: number; logprob: number }[][]
    expect(likely!.map(({ token }) => token)[0]).toBe(first)
    const { tokens } = await generated(...args, '--logit-bias', `${first}=-inf`, '--logit-bias', '3=0')
    expect((tokens as number[])[0]).toBe(likely![1]!.token)
  })

  test('makes the same text with and without guessing, and deterministically', async () => {
    const args = ['--prompt', 'the the the', '--max-tokens', '20', '--temperature', '0']
    const { text } = await generated(...args)
    for (const how of ['--no-speculate', '--deterministic']) expect((await generated(...args, how))['text']).toBe(text)
  })

  test('stops on Ctrl-C with what there is, and exit code 130', async () => {
    let pieces = 0
    const interrupt = (): void => {
      if (++pieces === 3) process.emit('SIGINT', 'SIGINT')
    }
    const { code, stdout, stderr } = await runCommand(
      generateCommand(),
      [folder, '--prompt', 'the', '--seed', '7'],
      interrupt,
    )
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' })
    expect(stdout.length).toBe(4)
    expect(stdout.endsWith('\n')).toBe(true)
  })

  test.each([
    [['--temperature', '-1'], 2, 'error: generate: temperature is -1, but must be 0 (the likeliest token) or more\n'],
    [['--top-k', 'few'], 2, "error: option '--top-k <k>' argument 'few' is invalid. It must be a number.\n"],
    [['--max-tokens', '1.5'], 2, 'error: generate: maxTokens is 1.5, but must be a whole number, 0 or more\n'],
    [['--stop', ''], 2, 'error: generate: a stop string is empty; leave it out\n'],
    [['--logit-bias', '5'], 2, "argument '5' is invalid. It must be a token id and a number, as in 50256=-100.\n"],
    [['--logit-bias', '999=1'], 2, 'error: generate: logitBias names token 999, but ids are 0..95\n'],
    [['--overlay', 'facts'], 2, 'this model has none; load it with a store\n'],
    [['--context', '49'], 2, 'error: model: context is 49, but must be in 1..48\n'],
    [['--chat', 'hello'], 2, 'has no chat template (chat_template in tokenizer_config.json); use --prompt\n'],
    [['--chat', 'hello', '--prompt', 'a'], 2, 'error: generate: give --prompt or --chat, not both\n'],
    [['--system', 'be kind'], 2, 'error: generate: --system goes with --chat\n'],
    [['--prompt', 'a'.repeat(48)], 2, 'which leaves no room in a model of length 48; shorten it to 47 or less\n'],
  ])('refuses %j in one line', async (args, exitCode, line) => {
    const { code, stdout, stderr } = await generate(...args)
    expect(code).toBe(exitCode)
    expect(stdout).toBe('')
    expect(stderr).toContain(line)
    expect(stderr.trim().split('\n').length).toBe(1)
  })

  describe.each([
    [
      'of whole numbers instead of floats',
      2,
      /down_proj\.weight.*I64/,
      (model: Damaged) => model.replace(WEIGHT, int64),
    ],
    [
      'without one of its weights',
      2,
      /model\.norm\.weight/,
      (model: Damaged) => model.replace('model.norm.weight', () => undefined),
    ],
    [
      'with a weight of another shape',
      2,
      /down_proj\.weight.*\[8,? ?48\]/,
      (model: Damaged) => model.replace(WEIGHT, reshaped),
    ],
    ['that ends too soon', 1, /model\.safetensors.*truncated/, (model: Damaged) => truncate(model.tensors, 9000)],
    ['that is empty', 1, /model\.safetensors/, (model: Damaged) => truncate(model.tensors, 0)],
    ['whose tokenizer has tokens that it has no row for', 2, /tokenizer.*97.*96/, (model: Damaged) => model.addToken()],
    ['whose config is no JSON', 1, /config\.json/, (model: Damaged) => writeFile(model.config, '{')],
  ])('refuses a model %s', (_, exitCode, line, damage) => {
    test('in one line', async () => {
      const damaged = await mkdtemp(join(tmpdir(), 'stem-damaged-'))
      try {
        await writeTinyModel(damaged)
        await damage(damagedModel(damaged))
        const { code, stdout, stderr } = await runCommand(generateCommand(), [damaged, '--prompt', 'a'])
        expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' })
        expect(stderr).toMatch(line)
        expect(stderr).toMatch(/^error: [^\n]+\n$/)
      } finally {
        await rm(damaged, { recursive: true })
      }
    })
  })

  test('answers a message as the chat template of the model puts it', async () => {
    const folderOfChat = await mkdtemp(join(tmpdir(), 'stem-chat-'))
    try {
      await writeTinyModel(folderOfChat)
      const chat_template =
        '{% for m in messages %}<{{ m.role[0] }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<a>{% endif %}'
      await writeFile(join(folderOfChat, 'tokenizer_config.json'), JSON.stringify({ chat_template }))
      const args = ['--system', 'rhyme', '--chat', 'hello', '--temperature', '0', '--max-tokens', '5', '--json']
      const { code, stdout, stderr } = await runCommand(generateCommand(), [folderOfChat, ...args])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const answer = JSON.parse(stdout) as { prompt: string; text: string }
      expect(answer.prompt).toBe('<s>rhyme<u>hello<a>')
      const plain = await generated('--prompt', answer.prompt, '--temperature', '0', '--max-tokens', '5')
      expect(answer.text).toBe(plain['text'])
    } finally {
      await rm(folderOfChat, { recursive: true })
    }
  })

  test('names the folder that is not there', async () => {
    const { code, stderr } = await runCommand(generateCommand(), [join(folder, 'nowhere')])
    expect(code).toBe(1)
    expect(stderr).toContain('nowhere')
  })
})

const WEIGHT = 'model.layers.1.mlp.down_proj.weight'
const int64 = ({ shape }: Tensor): Tensor => ({
  dtype: 'I64',
  shape,
  data: new Uint8Array(8 * shape.reduce((a, b) => a * b, 1)),
})
const reshaped = (tensor: Tensor): Tensor => ({ ...tensor, shape: [8, 48] })

interface Damaged {
  readonly config: string
  readonly tensors: string
  replace(name: string, by: (tensor: Tensor) => Tensor | undefined): Promise<void>
  addToken(): Promise<void>
}

function damagedModel(at: string): Damaged {
  const tensors = join(at, 'model.safetensors')
  return {
    config: join(at, 'config.json'),
    tensors,
    async replace(name, by) {
      const all = new Map(parseSafetensors(await readFile(tensors)).tensors)
      const tensor = by(all.get(name)!)
      if (tensor) all.set(name, tensor)
      else all.delete(name)
      await saveSafetensors(tensors, all)
    },
    async addToken() {
      const path = join(at, 'tokenizer.json')
      const json = JSON.parse(await readFile(path, 'utf8')) as { model: { vocab: Record<string, number> } }
      json.model.vocab['extra'] = Object.keys(json.model.vocab).length
      await writeFile(path, JSON.stringify(json))
    },
  }
}
