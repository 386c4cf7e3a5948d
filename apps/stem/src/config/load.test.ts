import { StemkitError } from '@stemkit/spec/errors'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadRunConfig, resolveRunConfig } from './load.ts'

const minimal = { data: { train: 'text.txt' }, training: { steps: 10 } }

function messageOf(value: unknown, overrides: string[] = []): string {
  try {
    resolveRunConfig(value, overrides, 'run.yaml')
  } catch (error) {
    expect(StemkitError.isInstance(error)).toBe(true)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

test('a config says what it must and the rest has defaults', () => {
  const config = resolveRunConfig(minimal, [], 'run.yaml')
  expect(config.data.train).toEqual(['text.txt'])
  expect(config.training).toMatchObject({ steps: 10, batchSize: 8, tables: 'lazy', betas: [0.9, 0.95] })
  expect(config.model.tableInit).toBe('xavier-normal')
})

test('--set lays values over the file, read as YAML', () => {
  const config = resolveRunConfig(
    minimal,
    ['training.steps=25', 'model.placement=[1, 3]', 'training.clip=null', 'data.heldOut=0.1'],
    'x',
  )
  expect(config.training.steps).toBe(25)
  expect(config.model.placement).toEqual([1, 3])
  expect(config.training.clip).toBeNull()
  expect(config.data.heldOut).toBe(0.1)
  expect(minimal.training.steps).toBe(10)
})

test('row-wise Adagrad is for tables that are trained by the row', () => {
  const { training } = resolveRunConfig(minimal, ['training.rowOptimizer=rowwise-adagrad'], 'run.yaml')
  expect(training).toMatchObject({ rowOptimizer: 'rowwise-adagrad', rowLearningRate: 1, tables: 'lazy' })
  expect(messageOf(minimal, ['training.rowOptimizer=rowwise-adagrad', 'training.tables=dense'])).toContain(
    'with rowwise-adagrad it must be lazy',
  )
})

test('an unknown key is refused with the nearest valid name', () => {
  expect(messageOf({ ...minimal, trianing: {} })).toBe('config run.yaml: unknown key trianing; did you mean training?')
  expect(messageOf({ ...minimal, training: { steps: 1, learningrate: 1 } })).toBe(
    'config run.yaml: unknown key training.learningrate; did you mean training.learningRate?',
  )
  expect(messageOf(minimal, ['model.widht=1'])).toMatch(
    /^config run.yaml: unknown key model.widht; known are preset, dim, /,
  )
})

test('a wrong value is named with what it should be', () => {
  expect(messageOf({ ...minimal, training: { steps: 0 } })).toMatch(/^config run.yaml: training.steps is 0: /)
  expect(messageOf({ data: { train: 'x' }, training: {} })).toBe('config run.yaml: training.steps is missing')
  expect(messageOf({ ...minimal, training: { steps: 1, tables: 'eager' } })).toContain('lazy')
  expect(messageOf('text')).toContain('it holds no keys')
  expect(messageOf(minimal, ['steps'])).toBe('--set steps: write it as key.subkey=value')
  expect(messageOf(minimal, ['__proto__.x=1'])).toContain('write it as')
})

test('a file that is missing or no YAML is one clear line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stem-config-'))
  await expect(loadRunConfig(join(folder, 'none.yaml'))).rejects.toThrow('there is no such file')
  const broken = join(folder, 'broken.yaml')
  await writeFile(broken, 'a: [1, 2')
  const error = (await loadRunConfig(broken).catch((reason: unknown) => reason)) as Error
  expect(error.message).toMatch(/^config .*broken.yaml: /)
  expect(error.message).not.toContain('\n')
})
