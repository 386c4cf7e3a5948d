import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setUpDawn } from '@stemkit/tensor/node'
import { fromFloat32, parseSafetensors, toFloat32 } from '@stemkit/weights'
import { saveSafetensors } from '@stemkit/weights/node'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { verifyCommand } from './verify.ts'

const MINUTES = 60_000 * 5
const oracle = fileURLToPath(new URL('../../../../fixtures/oracle', import.meta.url))
/** The smallest one. */
const CASE = 'dense'

const verify = (...args: string[]): Promise<Outcome> => runCommand(verifyCommand(), args)

interface Found {
  readonly ok: boolean
  readonly cases: {
    readonly name: string
    readonly ok: boolean
    readonly engine: string
    readonly deviations?: Record<string, number>
    readonly error?: string
  }[]
}
const found = ({ stdout }: Outcome): Found => JSON.parse(stdout) as Found

describe('stem verify', () => {
  test(
    'agrees with every number of every reference case, compiled',
    async () => {
      const outcome = await verify(oracle, '--json')
      expect(outcome).toMatchObject({ code: 0, stderr: '' })
      const { ok, cases } = found(outcome)
      expect(ok).toBe(true)
      expect(cases.map(({ name }) => name)).toEqual([
        'dense',
        'edit',
        'gqa-stem',
        'hash-moe',
        'stem-full',
        'stem-full-docmask',
        'stem-half',
        'stem-third',
      ])
      for (const { name, deviations, ...rest } of cases) {
        expect(rest, name).toEqual({ ok: true, engine: 'compiled' })
        if (name === 'edit') {
          expect(Object.keys(deviations!)).toEqual(['logits'])
          expect(deviations!['logits']).toBeGreaterThan(0)
          expect(deviations!['logits']).toBeLessThan(2e-5)
          continue
        }
        const { logits, loss, gradients, curves } = deviations!
        for (const deviation of [logits, loss, gradients, curves]) expect(deviation).toBeGreaterThan(0)
        expect(logits, name).toBeLessThan(2e-5)
        expect(loss, name).toBeLessThan(1e-5)
        expect(gradients, name).toBeLessThan(1e-4)
        expect(curves, name).toBeLessThan(2e-5)
      }
    },
    MINUTES,
  )

  test(
    'agrees on the plain reference, eager on the CPU',
    async () => {
      const { code, stdout, stderr } = await verify(oracle, '--case', CASE, '--engine', 'eager-cpu')
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(/^case +logits +loss +gradients +curves .*\ndense +\d\.\de-\d.* {2}ok\naccepted .*\n$/)
    },
    MINUTES,
  )
})

const webgpu = await setUpDawn()
const required = process.env['STEMKIT_REQUIRE_ALL'] === '1'
describe.skipIf(!webgpu.ready && !required)(`stem verify on WebGPU${webgpu.ready ? '' : ` (${webgpu.reason})`}`, () => {
  test(
    'agrees in logits, losses, gradients and the first steps of each curve (all 30 take minutes)',
    async () => {
      const outcome = await verify(oracle, '--case', 'stem-third', '--engine', 'eager-webgpu', '--steps', '2', '--json')
      expect(outcome).toMatchObject({ code: 0, stderr: '' })
      const [result] = found(outcome).cases
      expect(result).toMatchObject({ name: 'stem-third', ok: true, engine: 'eager-webgpu' })
      expect(Object.keys(result!.deviations!).toSorted()).toEqual(['curves', 'gradNorm', 'gradients', 'logits', 'loss'])
      expect(result!.deviations!['curves']).toBeLessThan(2e-5)
    },
    MINUTES,
  )
})

describe('stem verify of a case of editing', () => {
  test.each([
    [
      'other lookups',
      (json: string) => json.replace('"table_ids": [48', '"table_ids": [49'),
      /s2t2.one_to_one: the edit looks up other rows/,
    ],
    ['another prompt', (json: string) => json.replaceAll('[84, 9, 59,', '[84, 9, 60,'), /logits \d/],
  ])('fails for %s', async (_, change, message) => {
    const dir = await mkdtemp(join(tmpdir(), 'stem-verify-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    await cp(join(oracle, 'edit'), join(dir, 'edit'), { recursive: true })
    const path = join(dir, 'edit', 'inputs.json')
    const json = JSON.stringify(JSON.parse(await readFile(path, 'utf8')))
      .replaceAll(',', ', ')
      .replaceAll(':', ': ')
    expect(change(json)).not.toBe(json)
    await writeFile(path, change(json))
    const { code, stderr } = await verify(dir)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })
})

describe('stem verify of a damaged case', () => {
  let dir: string
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'stem-verify-'))
    await writeFile(join(dir, 'README.md'), 'not a case')
    for (const name of ['changed', 'lacking', 'garbled', 'torn', 'emptied', 'unlike']) {
      await cp(join(oracle, CASE), join(dir, name), { recursive: true })
    }
    await changeOneWeight(join(dir, 'changed', 'weights.safetensors'))
    await rm(join(dir, 'lacking', 'expected.safetensors'))
    await writeFile(join(dir, 'garbled', 'train.json'), '{"hyper": ')
    await truncate(join(dir, 'torn', 'weights.safetensors'), 5000)
    await writeFile(join(dir, 'emptied', 'inputs.json'), '{}')
    await cp(join(oracle, 'stem-half', 'weights.safetensors'), join(dir, 'unlike', 'weights.safetensors'))
  })
  afterAll(() => rm(dir, { recursive: true }))

  test(
    'fails with the deviations of the one that computes, and with a reason for each that cannot be read',
    async () => {
      const outcome = await verify(dir, '--json')
      const { ok, cases } = found(outcome)
      expect({ ok, code: outcome.code }).toEqual({ ok: false, code: 1 })
      const changed = cases.find(({ name }) => name === 'changed')!
      expect(changed.ok).toBe(false)
      expect(changed.deviations!['logits']).toBeGreaterThan(2e-5)
      const at = (name: string, file: string): string => join(dir, name, file)
      expect(Object.fromEntries(cases.map(({ name, error }) => [name, error]))).toEqual({
        changed: undefined,
        lacking: `${at('lacking', 'expected.safetensors')} is missing`,
        garbled: expect.stringMatching(/train\.json is no JSON \(.+\)$/) as unknown,
        torn: expect.stringContaining(at('torn', 'weights.safetensors: ')) as unknown,
        emptied: expect.stringMatching(/inputs\.json: input_ids: /) as unknown,
        unlike: expect.stringMatching(/^weights: model\.\S+ /) as unknown,
      })
      expect(outcome.stderr).toMatch(
        /^error: verify: 6 of 6 failed: changed \(.*logits \d\.\de-\d, .+\), emptied \(.+\n$/,
      )
      expect(outcome.stderr.trim().split('\n').length).toBe(1)
    },
    MINUTES,
  )

  test.each([
    [['nowhere'], 1, /nowhere cannot be read/],
    [['changed'], 1, /changed has no cases; a case is a subfolder with a config\.json\n$/],
    [['', '--case', 'toString'], 1, /has no case toString; it has changed, emptied, /],
    [
      ['', '--engine', 'abacus'],
      2,
      /argument 'abacus' is invalid. Allowed choices are compiled, eager-cpu, eager-webgpu/,
    ],
  ])('refuses %j in one line', async ([folder, ...args], code, line) => {
    const outcome = await verify(join(dir, folder!), ...args)
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(line) })
    expect(outcome.stderr.trim().split('\n').length).toBe(1)
  })
})

async function changeOneWeight(path: string): Promise<void> {
  const { tensors } = parseSafetensors(await readFile(path))
  const changed = new Map(
    [...tensors].map(([name, tensor]) => {
      const data = toFloat32(tensor).slice()
      if (name === 'model.layers.1.mlp.down_proj.weight') data[7]! += 0.01
      return [name, fromFloat32(data, tensor.shape)] as const
    }),
  )
  await saveSafetensors(path, changed)
}
