import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { latestCheckpoint, loadCheckpoint } from '@stemkit/train/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { writeTinyRun } from '../testing/tiny-run.ts'
import { LOCK_FILE } from '../training/run-folder.ts'
import { trainCommand } from './train.ts'

const MINUTES = 60_000 * 3
const dir = await mkdtemp(join(tmpdir(), 'stem-refusals-'))
const at = (name: string): string => join(dir, name)

/** A disk of 1 MB in memory; false where this process may not mount one. */
const smallDisk = mountSmall(at('small'))

beforeAll(async () => {
  await writeTinyRun(dir)
  await writeFile(at('empty.txt'), '')
  await writeFile(at('blank.txt'), ' \n\n')
  await writeFile(at('numbers.jsonl'), '{"text": 3}\n')
  await writeFile(at('torn.yaml'), 'data: { train: [')
  await writeFile(at('text.txt.gz'), 'not compressed at all')
  await writeTinyModel(at('model'))
  // Twelve steps of a run that is in the way.
  expect(await train('--run', at('done'), '--set', 'training.steps=12')).toMatchObject({ code: 0 })
}, MINUTES)
afterAll(async () => {
  if (smallDisk) execFileSync('umount', [at('small')])
  await rm(dir, { recursive: true })
})

function mountSmall(folder: string): boolean {
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const train = (...args: string[]): Promise<Outcome> =>
  runCommand(trainCommand(), [at('run.yaml'), '--set', `data.train=${at('text.txt')}`, ...args])

/** Every file below a folder with its bytes, save the lock, which each attempt takes. */
async function contents(folder: string): Promise<Record<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true })
  const entries = await Promise.all(
    files
      .filter((file) => file.isFile() && file.name !== LOCK_FILE)
      .map(async (file) => {
        const path = join(file.parentPath, file.name)
        return [path, (await readFile(path)).toString('base64')] as const
      }),
  )
  return Object.fromEntries(entries)
}

describe('stem train refuses in one line, before anything is written,', () => {
  const set = (...pairs: string[]): string[] => pairs.flatMap((pair) => ['--set', pair])
  test.each([
    [
      'a typo in the config',
      set('training.learning_rate=1'),
      2,
      'unknown key training.learning_rate; did you mean training.learningRate?',
    ],
    [
      'a kind that is not there',
      set('model.kind=stme'),
      2,
      /model\.kind is "stme"; did you mean stem\? .*dense, stem, hash_moe/,
    ],
    ['a shape that no model has', set('model.heads=3'), 2, 'model config: headDim is 5.333333333333333, but must be'],
    [
      'a warm-up longer than the run',
      set('training.warmup=99'),
      2,
      'training.warmup is 99: it must be less than training.steps, 40',
    ],
    [
      'sequences longer than the model',
      set('data.length=17'),
      2,
      'data.length is 17: sequences can be at most as long as model.maxLength, 16',
    ],
    ['a text that is not there', set(`data.train=${at('none.txt')}`), 1, 'none.txt'],
    ['an empty text', set(`data.train=${at('empty.txt')}`), 2, 'empty.txt is empty'],
    ['a text of nothing but white space', set(`data.train=${at('blank.txt')}`), 2, 'blank.txt has no document'],
    [
      'a document without text',
      set(`data.train=${at('numbers.jsonl')}`),
      2,
      'numbers.jsonl:1 has no text in its field "text"',
    ],
    ['a compressed file that is none', set(`data.train=${at('text.txt.gz')}`), 1, 'text.txt.gz'],
    ['held-out text that is not there', set(`data.heldOut=${at('none.txt')}`), 1, 'none.txt'],
    ['a share that leaves nothing to learn from', set('data.heldOut=0.99999'), 2, /held|train/],
    ['a tokenizer that is not there', set(`tokenizer.path=${at('none')}`), 1, 'There is no tokenizer at'],
    ['a vocabulary too small for bytes', set('tokenizer.vocabSize=100'), 2, 'vocabSize is 100'],
    [
      '--resume without a checkpoint',
      ['--resume'],
      1,
      'has no checkpoint to resume from; leave out --resume to start there',
    ],
  ])('%s', async (_, args, code, line) => {
    const outcome = await train('--run', at('fresh'), ...args)
    expect(outcome).toMatchObject({ code, stdout: '' })
    if (typeof line === 'string') expect(outcome.stderr).toContain(line)
    else expect(outcome.stderr).toMatch(line)
    expect(outcome.stderr).toMatch(/^error: [^\n]+\n$/)
    expect(outcome.stderr).not.toMatch(/undefined|\[object| at .*:\d+:\d+/)
    expect(Object.keys(await contents(at('fresh')).catch(() => ({})))).toEqual([])
  })

  test.each([
    ['a config that is not there', 'none.yaml', 1, /config .*none\.yaml: there is no such file/],
    ['a folder in its place', 'model', 1, /config .*model: it is a folder, not a file/],
    ['a config that is no YAML', 'torn.yaml', 2, /config .*torn\.yaml: \S+/],
    ['a config that is no config', 'text.txt', 2, /config .*text\.txt: it holds no keys/],
  ])('%s', async (_, file, code, line) => {
    const outcome = await runCommand(trainCommand(), [at(file), '--run', at('fresh')])
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(line) })
    expect(outcome.stderr).toMatch(/^error: [^\n]+\n$/)
  })

  test('a folder that holds a run, which stays as it is', async () => {
    const before = await contents(at('done'))
    const outcome = await train('--run', at('done'))
    expect(outcome).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `error: ${at('done')} holds a run already; add --resume to go on with it, or choose another folder with --run\n`,
    })
    expect(await contents(at('done'))).toEqual(before)
  })

  test('to resume a run as a model of another shape, and as one on other text', async () => {
    const before = await contents(at('done'))
    const wider = await train('--run', at('done'), '--resume', '--set', 'model.dim=32')
    expect(wider).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: [^\n]+ its model has dim 16, this one 32; [^\n]+\n$/),
    })
    await writeFile(at('other.txt'), (await readFile(at('text.txt'), 'utf8')).replaceAll('people', 'peoples'))
    const other = await train('--run', at('done'), '--resume', '--set', `data.train=${at('other.txt')}`)
    expect(other).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^error: [^\n]+step-00000012 was saved with other text or another seed: [^\n]+\n$/),
    })
    expect(await contents(at('done'))).toEqual(before)
  })

  test('a file in the place of the run folder', async () => {
    const outcome = await train('--run', at('empty.txt'))
    expect(outcome).toMatchObject({
      code: 1,
      stderr: `error: run folder ${at('empty.txt')}: there is a file of that name; choose another with --run\n`,
    })
  })
})

describe.skipIf(!smallDisk)('on a disk that fills up (needs the right to mount a tmpfs) stem train', () => {
  test(
    'stops in one line, keeps every checkpoint that was saved, and goes on once there is room',
    async () => {
      const run = at('small/run')
      const outcome = await train('--run', run, '--set', 'checkpoint.keep=100')
      expect(outcome).toMatchObject({ code: 1, stdout: '' })
      expect(outcome.stderr).toMatch(
        /^error: checkpoint of step \d+ not saved to [^\n]+, earlier ones are untouched: no space left on device\n$/,
      )
      const failed = Number(/step (\d+)/.exec(outcome.stderr)![1])
      const latest = (await latestCheckpoint(join(run, 'checkpoints')))!
      expect((await loadCheckpoint(latest)).trainer.steps).toBe(failed - 3)
      const names = await readdir(join(run, 'checkpoints'))
      expect(names).toHaveLength(failed / 3 - 1)

      for (const name of names.slice(0, -1)) await rm(join(run, 'checkpoints', name), { recursive: true })
      expect(await train('--run', run, '--resume', '--set', 'checkpoint.keep=1')).toMatchObject({ code: 0 })
      expect(await train('--run', at('roomy'))).toMatchObject({ code: 0 })
      const [after, roomy] = await Promise.all(
        [run, at('roomy')].map((folder) => readFile(join(folder, 'model', 'model.safetensors'))),
      )
      expect(after!.equals(roomy!)).toBe(true)
    },
    MINUTES,
  )
})
