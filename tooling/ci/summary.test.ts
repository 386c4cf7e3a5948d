import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const script = fileURLToPath(new URL('./summary.mjs', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'stemkit-summary-'))
afterAll(() => rmSync(scratch, { recursive: true }))

/** Runs vitest on a made-up test file, and the summary on what vitest reports. */
function summaryOf(source: string, ...failedPhases: string[]) {
  const folder = mkdtempSync(join(scratch, 'run-'))
  writeFileSync(join(folder, 'a.test.ts'), source)
  const json = join(folder, 'tests.json')
  const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
  const args = ['run', '--root', folder, '--globals', '--reporter=json', `--outputFile.json=${json}`]
  spawnSync(process.execPath, [vitest, ...args])
  return summary(json, ...failedPhases)
}

function summary(...args: string[]) {
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' })
  return { status, lines: stdout.trim().split('\n') }
}

test('counts what passed, and lets tests skip whose data is elsewhere', () => {
  const { status, lines } = summaryOf(`test('a', () => {}); test.skip('b (needs shared/data)', () => {})`)
  expect(lines).toEqual(['1 passed, 0 failed, 1 skipped'])
  expect(status).toBe(0)
})

test('names failed tests', () => {
  const { status, lines } = summaryOf(`test('a', () => {}); test('b', () => { throw new Error('no') })`, 'npm test')
  expect(lines).toEqual([expect.stringMatching(/^failed: .*a\.test\.ts > b$/), '1 passed, 1 failed, 0 skipped'])
  expect(status).toBe(1)
})

test('counts a file that does not load', () => {
  const { status, lines } = summaryOf(`throw new Error('cannot load')`, 'npm test')
  expect(lines.at(-1)).toBe('0 passed, 2 failed, 0 skipped')
  expect(lines[0]).toContain('cannot load')
  expect(status).toBe(1)
})

test('refuses a skipped test of what CI installs', () => {
  const { status, lines } = summaryOf(`test('a', () => {}); test.skip('ops on webgpu', () => {})`)
  expect(lines).toEqual([
    expect.stringMatching(/^failed: .* > ops on webgpu \(skipped/),
    '1 passed, 1 failed, 1 skipped',
  ])
  expect(status).toBe(1)
})

test('takes a skipped test whose data lies outside the repository', () => {
  const { status, lines } = summaryOf(
    `test('a', () => {}); test.skip('scores of a model (shared/data/models/x) through a server', () => {})`,
  )
  expect(lines).toEqual(['1 passed, 0 failed, 1 skipped'])
  expect(status).toBe(0)
})

test('counts failed phases, and a test run that left nothing', () => {
  expect(summaryOf(`test('a', () => {})`, 'pnpm check')).toEqual({
    status: 1,
    lines: ['failed: pnpm check', '1 passed, 1 failed, 0 skipped'],
  })
  expect(summary(join(scratch, 'absent.json'), 'npm test')).toEqual({
    status: 1,
    lines: ['failed: no test passed', '0 passed, 1 failed, 0 skipped'],
  })
})
