import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadModel } from '@stemkit/generate/node'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { EvalFindings } from '../edit/eval/eval.ts'
import { writeTinyModel } from '../testing/model-folder.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { editCommand } from './edit.ts'
import { storeCommand } from './store.ts'

let dir: string
let [model, rows, cases, text] = ['', '', '', '']
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-eval-'))
  model = join(dir, 'model')
  rows = pathToFileURL(join(dir, 'rows')).href
  cases = join(dir, 'cases.jsonl')
  text = join(dir, 'text.txt')
  await writeTinyModel(model)
  expect((await runCommand(storeCommand(), ['create', rows, '--from', model])).code).toBe(0)
  const lines = [
    {
      id: 'a',
      subject: 'a',
      prompt: 'b a is',
      answer: 'Z',
      truth: 'Y',
      paraphrases: ['a'],
      neighbours: [{ prompt: 'c d', answer: 'Y' }],
      portability: [{ prompt: 'a a', answer: 'X' }],
    },
    { id: 'c', subject: 'c', prompt: 'c is', answer: 'Y', truth: 'Z', donor: 'd' },
    { id: 'e', subject: 'e', prompt: 'e is', answer: 'nobody' },
  ]
  await writeFile(cases, lines.map((line) => JSON.stringify(line)).join('\n'))
  await writeFile(text, 'a cab had a bad cat. '.repeat(8))
})
afterAll(() => rm(dir, { recursive: true }))

const edit = (...args: string[]): Promise<Outcome> => runCommand(editCommand(), args)
const evaluate = async (...args: string[]): Promise<EvalFindings> => {
  const { code, stdout, stderr } = await edit('eval', model, cases, '--spaces', 'without', '--json', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as EvalFindings
}
const quick = ['--max-tokens', '6', '--threads', '1']

/** exp of the mean ln p of an answer's tokens behind a prompt. */
async function probability(prompt: string, answer: string, overlay?: string): Promise<number> {
  const loaded = await loadModel(model, { store: rows, threads: 1 })
  try {
    const tokens = Array.from(loaded.tokenizer!.encode(`${prompt} ${answer}`))
    const from = loaded.tokenizer!.encode(prompt).length
    const { logprobs } = await loaded.score(tokens, { from, ...(overlay !== undefined && { overlay }) })
    return Math.exp(logprobs.reduce((a, b) => a + b, 0) / logprobs.length)
  } finally {
    await loaded.dispose()
  }
}

test('stem edit eval measures what the applied edit does, and leaves the rows alone', async () => {
  const found = await evaluate('--store', rows, ...quick)
  expect(found).toMatchObject({ format: 'stemkit', by: 'rows', cases: 3 })
  expect(found.skipped).toMatchObject([{ id: 'e', reason: 'no donor' }])
  const [a] = found.measured
  // The one whose truth is Z is c.
  expect(a).toMatchObject({ id: 'a', made: 'rows', donor: { subject: 'c' }, rows: 1 })
  expect((await edit('list', model, '--store', rows)).stdout).toBe('no edits\n')
  const magnitude = async (overlay?: string): Promise<number> =>
    (await probability('b a is', 'Z', overlay)) - (await probability('b a is', 'Y', overlay))
  expect(a!.before['efficacy.magnitude']).toBeCloseTo(await magnitude(), 5)
  const apply = ['--source', 'a', '--target', 'c', '--spaces', 'without', '--name', 'x']
  expect((await edit('apply', model, ...apply, '--store', rows)).code).toBe(0)
  expect(a!.after['efficacy.magnitude']).toBeCloseTo(await magnitude('edit/x'), 5)
  // With the edit there already, nothing changes any more.
  const again = await evaluate('--store', rows, ...quick)
  expect(again.measured[0]!.before).toEqual(again.measured[0]!.after)
  expect((await edit('undo', model, 'x', '--store', rows)).code).toBe(0)
})

test('tables among weights will do; the same seed gives the same numbers', async () => {
  const found = await evaluate(...quick)
  expect(await evaluate(...quick)).toEqual(found)
  expect(found.metrics.find(({ name }) => name === 'fluency')!.after.n).toBe(2)
  const without = await evaluate('--no-writing', '--limit', '1', '--seed', '2')
  expect(without.cases).toBe(1)
  expect(without.metrics.some(({ name }) => name === 'fluency')).toBe(false)
})

test('rows may be fitted; many edits in sequence; a table and a page', async () => {
  const page = join(dir, 'eval.html')
  const args = ['--by', 'either', '--steps', '10', '--neutral', '1', '--sequence', '1,2,50', '--text', text]
  const found = await evaluate(...args, ...quick, '--html', page)
  expect(found.measured.map(({ made }) => made)).toEqual(['rows', 'rows', 'inject'])
  const fitted = found.measured[2]!
  expect(fitted.after['efficacy.accuracy']).toBeGreaterThanOrEqual(fitted.before['efficacy.accuracy']!)
  expect(found.sequence!.map(({ edits }) => edits)).toEqual([0, 1, 2])
  expect(new Set(found.sequence!.map(({ perplexity }) => perplexity)).size).toBe(3)
  const html = await readFile(page, 'utf8')
  expect(html).toContain('What edits do')
  expect(html.match(/role="img"/g)!.length).toBe(4)
  const { stdout } = await edit('eval', model, cases, '--spaces', 'without', ...quick)
  expect(stdout).toMatch(
    /^measure +protocol +cases +before +after +change +standard error\nefficacy.success +teacher-forced/,
  )
  expect(stdout).toMatch(/left out: no donor +1\n/)
})

test.each([
  ['a file that is not there', ['none.json'], 1, 'there is no such file'],
  ['a sequence without a text', [], 2, '--sequence needs a held-out text'],
])('%s is refused in one line', async (_, [path], code, message) => {
  const found = await edit('eval', model, path ?? cases, '--sequence', '1')
  expect(found.code).toBe(code)
  expect(found.stderr).toMatch(/^error: [^\n]+\n$/)
  expect(found.stderr).toContain(message)
})

test('stem edit eval shows what was measured when it is interrupted', async () => {
  const { isTTY } = process.stderr
  process.stderr.isTTY = true
  onTestFinished(() => void (process.stderr.isTTY = isTTY))
  const running = edit('eval', model, cases, '--spaces', 'without', '--json', ...quick)
  const write = process.stderr.write.bind(process.stderr)
  process.stderr.write = (chunk: string | Uint8Array) => {
    if (String(chunk).includes('case 1 of 3')) process.listeners('SIGINT').at(-1)!('SIGINT')
    return write(chunk)
  }
  const { code, stdout, stderr } = await running
  expect(code).toBe(130)
  expect(stderr).toMatch(/interrupted: shown is what was measured until then \(cases: 1\)\n$/)
  const { cases: count, measured, metrics } = JSON.parse(stdout) as EvalFindings
  expect(count).toBe(1)
  expect(measured.map(({ id }) => id)).toEqual(['a'])
  expect(metrics.find(({ name }) => name === 'efficacy.success')!.after.n).toBe(1)
})
