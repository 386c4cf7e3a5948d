import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeEvalFolder } from '../eval/testing/eval-folder.ts'
import { flagsOf } from '../testing/flags-of.ts'
import { runCommand, type Outcome } from '../testing/run-command.ts'
import { startStem, type Ended, type StemProcess } from '../testing/stem-process.ts'
import { evalCommand } from './eval.ts'

const DOCUMENTS = 50
let dir: string
let expected: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-eval-stopped-'))
  await writeEvalFolder(dir, { documents: DOCUMENTS })
  const { code } = await evaluate(bySelf('whole'))
  expect(code).toBe(0)
  expected = await samplesOf('whole')
})
afterAll(() => rm(dir, { recursive: true }))

/** In a folder of its own for what it writes. */
const argsOf = (out: string): string[] =>
  flagsOf({
    tasks: 'capitals',
    data: join(dir, 'data'),
    'include-path': join(dir, 'tasks'),
    threads: 1,
    out: join(dir, out),
  })
const bySelf = (out: string): string[] => [join(dir, 'model'), ...argsOf(out)]
const byServer = (server: string, out: string): string[] => {
  const asking = { server, 'server-model': 'model', tokenizer: join(dir, 'model'), retries: 1, 'batch-size': 1 }
  return [...flagsOf(asking), ...argsOf(out)]
}
/** In a process of its own, which can be stopped. */
const start = (args: readonly string[]): StemProcess => startStem(['eval', ...args], dir)
const evaluate = (args: readonly string[]): Promise<Outcome> => runCommand(evalCommand(), args)
const samplesOf = (out: string): Promise<string> => readFile(join(dir, out, 'samples_capitals.jsonl'), 'utf8')

const scoresIn = (text: string): { readonly score: number; readonly logprob: number }[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly acc: number; readonly resps: [string, string][][] })
    .map(({ acc, resps }) => ({ score: acc, logprob: Number(resps[0]![0]![0]) }))

/** Lines of the file of answers. */
async function answersOf(out: string): Promise<number> {
  const [file] = await readdir(join(dir, out, 'answers')).catch(() => [])
  if (file === undefined) return 0
  return (await readFile(join(dir, out, 'answers', file), 'utf8')).split('\n').length - 1
}

async function untilAnswers(out: string, count: number, { ended }: StemProcess): Promise<void> {
  let over: Ended | undefined
  void ended.then((end) => (over = end))
  while ((await answersOf(out)) < count) {
    if (over) throw new Error(`it ended before ${count} answers: ${over.stderr}`)
    await setTimeout(2)
  }
}

async function serve(port = 0): Promise<{ readonly url: string; readonly server: StemProcess }> {
  const server = startStem(
    ['serve', 'model', '--port', String(port), '--json', '--threads', '1', '--deterministic'],
    dir,
  )
  const line = await new Promise<string>((resolve) => server.process.stdout?.once('data', resolve))
  return { url: `${(JSON.parse(line.split('\n')[0]!) as { listening: string }).listening}/v1`, server }
}

describe('stem eval that does not end well', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'keeps its answers when %s comes, and goes on from there',
    async (signal) => {
      const out = `stopped-by-${signal}`
      const running = start(bySelf(out))
      await untilAnswers(out, 10, running)
      running.process.kill('SIGINT')
      const { code, stdout, stderr } = await running.ended
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
      expect(stderr).toMatch(/^\d+ of 200 answers are kept in .*answers, and the same command goes on from there\n$/)
      const kept = await answersOf(out)
      expect(kept).toBeGreaterThanOrEqual(10)
      expect(kept).toBeLessThan(200)

      expect(await evaluate(bySelf(out))).toMatchObject({ code: 0, stderr: '' })
      expect((await samplesOf(out)) === expected).toBe(true)
      expect(await answersOf(out)).toBe(200)
    },
  )

  test('keeps its answers when a server goes away, and asks another run for the rest only', async () => {
    const first = await serve()
    const running = start(byServer(first.url, 'served'))
    await untilAnswers('served', 10, running)
    first.server.process.kill('SIGKILL')
    const { code, stdout, stderr } = await running.ended
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(
      /^error: http:\/\/[^\n]*\/completions[^\n]*; \d+ of 200 answers are kept in \S+served\/answers, and the same command goes on from there\n$/,
    )
    expect(await answersOf('served')).toBeLessThan(200)

    const second = await serve(Number(new URL(first.url).port))
    try {
      expect(await evaluate(byServer(second.url, 'served'))).toMatchObject({ code: 0, stderr: '' })
      const [served, inProcess] = [scoresIn(await samplesOf('served')), scoresIn(expected)]
      expect(served.map(({ score }) => score)).toEqual(inProcess.map(({ score }) => score))
      for (const [i, { logprob }] of served.entries()) expect(logprob).toBeCloseTo(inProcess[i]!.logprob, 4)
    } finally {
      second.server.process.kill('SIGTERM')
      await second.server.ended
    }
  })

  test('says that there is no server', async () => {
    const { code, stderr } = await evaluate(byServer('http://127.0.0.1:9/v1', 'nobody'))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^error: http:\/\/127\.0\.0\.1:9\/v1[^\n]*\n$/)
  })
})
