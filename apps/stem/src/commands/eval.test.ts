import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stem } from '../testing/stem-process.ts'

const records = fileURLToPath(new URL('../../../../packages/eval/fixtures/records', import.meta.url))
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-eval-'))
  await cp(join(records, 'gsm8k.0shot.json.gz'), join(dir, 'good', 'gsm8k.0shot.json.gz'), { recursive: true })
  const record = gunzipSync(await readFile(join(records, 'custom/multi_target.0shot.json.gz'))).toString()
  await cp(join(dir, 'good'), join(dir, 'bad'), { recursive: true })
  await writeFile(join(dir, 'bad', 'changed.json'), record.replace(/("acc_bytes,none": ?)/, '$11'))
})
afterAll(() => rm(dir, { recursive: true }))

const verify = (...args: string[]) => stem(['eval', 'verify', ...args], dir)

describe('stem eval verify', () => {
  test('prints which tasks of which records are equal', async () => {
    expect(await verify('good')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^gsm8k +0 shots +ok +gsm8k\.0shot\.json\.gz\n$/),
      stderr: '',
    })
    const { stdout } = await verify('good', '--json')
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      tasks: [{ name: 'gsm8k', fewshot: 0, ok: true, mismatches: [], file: 'gsm8k.0shot.json.gz' }],
    })
  })

  test('names what differs, and fails', async () => {
    const { code, stdout, stderr } = await verify('bad', '--json')
    expect(code).toBe(1)
    expect(stderr).toBe('error: eval verify: 1 of 2 differ: multi_target (changed.json)\n')
    const { ok, tasks } = JSON.parse(stdout) as { ok: boolean; tasks: { ok: boolean; mismatches: unknown[] }[] }
    expect([ok, ...tasks.map((task) => task.ok)]).toEqual([false, false, true])
    expect(tasks[0]?.mismatches).toMatchObject([{ at: 'result.results.multi_target.acc_bytes,none' }])
    expect((await verify('bad')).stdout).toContain('result.results.multi_target.acc_bytes,none: recorded 1')
  })

  test('says what of a task is its own, and which files are no records', async () => {
    await cp(join(records, 'custom/multi_target.0shot.json.gz'), join(dir, 'own', 'a.json.gz'), { recursive: true })
    const record = JSON.parse(gunzipSync(await readFile(join(records, 'mmlu.5shot.json.gz'))).toString()) as {
      configs: Record<string, object>
    }
    Object.assign(record.configs['mmlu_anatomy'] ?? {}, { fewshot_split: 'validation' })
    await writeFile(join(dir, 'own', 'b.json'), JSON.stringify(record))
    await writeFile(join(dir, 'own', 'index.json'), '{"files": []}')
    const { code, stdout, stderr } = await verify('own')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^multi_target +0 shots +ok, its own task +a\.json\.gz$/m)
    expect(stdout).toMatch(/^mmlu_anatomy +5 shots +ok, its own shots\.split +b\.json$/m)
    expect(stdout).toMatch(/^mmlu_abstract_algebra +5 shots +ok +b\.json$/m)
    expect(stderr).toBe('eval verify: passed over, no records: index.json\n')
  })

  test('says that a folder has no records', async () => {
    expect(await verify('none')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: none cannot be read .*\n$/),
    })
  })
})
