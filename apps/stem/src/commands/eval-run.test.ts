import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeEvalFolder } from '../eval/testing/eval-folder.ts'
import { flagsOf } from '../testing/flags-of.ts'
import { runCommand } from '../testing/run-command.ts'
import { evalCommand } from './eval.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'stem-eval-run-'))
  await writeEvalFolder(dir)
})
afterAll(() => rm(dir, { recursive: true }))

const at = (name: string): string => join(dir, name)
/** On the folder's own tasks and data. */
const evaluate = (...args: string[]) =>
  runCommand(evalCommand(), [
    at('model'),
    '--data',
    at('data'),
    '--include-path',
    at('tasks'),
    '--threads',
    '1',
    ...args,
  ])
const readJson = async (name: string) => JSON.parse(await readFile(at(name), 'utf8')) as Record<string, never>
const readLines = async (name: string) =>
  (await readFile(at(name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** What the first request of a sample asks. */
const promptOf = (sample: Record<string, unknown> | undefined): string =>
  (sample as { arguments: { gen_args_0: { arg_0: string } } }).arguments.gen_args_0.arg_0

describe('stem eval', () => {
  test('prints the familiar tables and writes results, samples and a report', async () => {
    const { code, stdout, stderr } = await evaluate('--tasks', 'geography', '--out', at('first'))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^\| +Tasks +\|Version\|Filter\|n-shot\| *Metric/)
    expect(stdout).toMatch(/^\| - capitals +\| +1\|none +\| +0\|acc +\|↑ +\| *0\.\d+\|± +\| *0\.\d+\|$/m)
    expect(stdout).toMatch(/^\| +Groups +\|Version\|/m)
    expect(stdout).toContain(`results: ${at('first/results.json')}\nreport: ${at('first/report.html')}\n`)

    const results = await readJson('first/results.json')
    expect(results).toMatchObject({
      results: { capitals: { 'acc,none': expect.any(Number), 'acc_stderr,none': expect.any(Number), sample_len: 20 } },
      groups: { geography: {} },
      configs: { capitals: { output_type: 'multiple_choice', num_fewshot: 0 } },
      versions: { capitals: 1 },
      'n-shot': { capitals: 0 },
      'n-samples': { capitals: { original: 20, effective: 20 } },
      config: { model: 'stem', model_args: at('model'), max_length: 512 },
      model_name: at('model'),
    })
    const samples = await readLines('first/samples_capitals.jsonl')
    expect(samples).toHaveLength(20)
    expect(samples[0]).toMatchObject({
      doc_id: 0,
      doc: { country: 'France' },
      arguments: { gen_args_0: { arg_0: 'Entry 0: the capital of France is', arg_1: expect.stringMatching(/^ \w+$/) } },
      resps: [
        [[expect.stringMatching(/^-\d/), expect.stringMatching(/^(?:True|False)$/)]],
        ...Array(3).fill(expect.anything()),
      ],
      filter: 'none',
      metrics: ['acc', 'acc_norm'],
    })
  })

  test('leaves no samples of an earlier run beside new results, and those of dated runs alone', async () => {
    const names = async () => (await readdir(at('again'))).filter((name) => name.startsWith('samples_')).toSorted()
    const again = ['--limit', '2', '--out', at('again')]
    await evaluate('--tasks', 'geography', ...again)
    expect(await names()).toEqual(['samples_capitals.jsonl', 'samples_say_capital.jsonl'])
    const dated = 'samples_capitals_2026-01-02T03-04-05.678901.jsonl'
    await writeFile(at(`again/${dated}`), '')
    await evaluate('--tasks', 'capitals', ...again)
    expect(await names()).toEqual(['samples_capitals.jsonl', dated].toSorted())
    await evaluate('--tasks', 'capitals', '--no-log-samples', ...again)
    expect(await names()).toEqual([dated])
  })

  test('says where data stand in for those that a task names', async () => {
    const question = { stem: 'Which?', choices: [0, 1].map((i) => ({ text: `this ${i}`, label: 'AB'[i] })) }
    const lines = [0, 1, 2].map((id) => `${JSON.stringify({ id, question, answerKey: 'A' })}\n`).join('')
    await mkdir(at('published/arc'), { recursive: true })
    for (const set of ['Test', 'Dev']) await writeFile(at(`published/arc/ARC-Easy-${set}.jsonl`), lines)
    const run = (...more: string[]) =>
      evaluate('--tasks', 'arc_easy', '--data', at('published'), '--out', at('stand-in'), ...more)
    expect(await run()).toMatchObject({ code: 0, stderr: '' })
    expect((await readJson('stand-in/results.json'))['config']).not.toHaveProperty('stand_in_data')
    const { stderr } = await run('--num-fewshot', '1')
    const notice = 'allenai/ai2_arc: the train split is the Dev set'
    expect(stderr).toBe(`not comparable with scores on the whole data: ${notice}\n`)
    expect((await readJson('stand-in/results.json'))['config']).toMatchObject({ stand_in_data: [notice] })
    expect(await readFile(at('stand-in/report.html'), 'utf8')).toContain(notice)
  })

  test('shows samples in the report, whatever is in them', async () => {
    const page = await readFile(at('first/report.html'), 'utf8')
    expect(page).not.toContain('<script')
    expect(page).not.toContain('</script>')
    expect(page).toContain('&lt;/script&gt;&lt;b&gt;7&lt;/b&gt;')
    expect(page.match(/<details>/g)).toHaveLength(40)
    expect(page).toMatch(/log-probability.*\u2212\d+\.\d{4}/s)
    expect(page).toContain('guessing')
    expect(page.length).toBeLessThan(500_000)
  })

  test('asks nothing again that was answered', async () => {
    const [file] = await readdir(at('first/answers'))
    const before = await readFile(at(`first/answers/${file}`))
    const again = await evaluate(
      '--tasks',
      'geography',
      '--out',
      at('second'),
      '--cache',
      at('first/answers'),
      '--json',
    )
    expect(await readFile(at(`first/answers/${file}`))).toEqual(before)
    const { results } = await readJson('first/results.json')
    expect((JSON.parse(again.stdout) as { results: unknown }).results).toEqual(results)
    expect(await readdir(at('second'))).not.toContain('answers')
  })

  test('takes documents, shots, arguments and instructions as it is told', async () => {
    const told = {
      tasks: 'capitals,say_capital',
      samples: '{"capitals": [2, 5], "say_capital": [1]}',
      'num-fewshot': 2,
      'gen-kwargs': 'max_gen_toks=2',
      'system-instruction': 'Answer.',
      seed: 7,
      out: at('third'),
    }
    const { code } = await evaluate(...flagsOf(told), '--no-cache')
    expect(code).toBe(0)
    expect(await readdir(at('third'))).not.toContain('answers')
    const [first, second, ...more] = await readLines('third/samples_capitals.jsonl')
    expect([first?.['doc_id'], second?.['doc_id'], more.length]).toEqual([2, 5, 0])
    expect(promptOf(first)).toMatch(/^Answer\.Entry .*\n\nEntry .*\n\nEntry 2: the capital of Germany is$/s)
    const [said] = await readLines('third/samples_say_capital.jsonl')
    expect(said).toMatchObject({ arguments: { gen_args_0: { arg_1: { max_gen_toks: 2, until: ['.'] } } } })
  })

  test('scores do not depend on the batch size', async () => {
    const [one, seven] = [
      await evaluate('--tasks', 'geography', '--json', '--no-cache', '--batch-size', '1', '--out', at('one')),
      await evaluate('--tasks', 'geography', '--json', '--no-cache', '--batch-size', '7', '--out', at('seven')),
    ]
    expect(await readLines('one/samples_capitals.jsonl')).toEqual(await readLines('seven/samples_capitals.jsonl'))
    expect(await readLines('one/samples_say_capital.jsonl')).toEqual(await readLines('seven/samples_say_capital.jsonl'))
    expect(one.stdout).not.toBe('')
    expect(seven.code).toBe(0)
  })

  test('puts prompts as chats, examples as turns or in one message', async () => {
    const template = at('chat.jinja')
    await writeFile(
      template,
      '{% for m in messages %}[{{ m.role }}]{{ m.content }};{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}',
    )
    const firstPrompt = async (out: string, ...args: string[]) => {
      const chat = ['--apply-chat-template', '--chat-template', template, '--num-fewshot', '1', '--limit', '1']
      const { code } = await evaluate('--tasks', 'capitals', '--out', at(out), ...chat, ...args)
      expect(code).toBe(0)
      const [sample] = await readLines(`${out}/samples_capitals.jsonl`)
      return promptOf(sample)
    }
    expect(await firstPrompt('turns')).toMatch(
      /^\[user\]Entry .* is;\[assistant\]\w+;\[user\]Entry 0: .* is;\[assistant\]$/,
    )
    expect(await firstPrompt('message', '--no-fewshot-as-multiturn')).toMatch(
      /^\[user\]Entry .* is \w+\n\nEntry 0: .* is;\[assistant\]$/s,
    )
    expect(await readJson('turns/results.json')).toMatchObject({
      chat_template: expect.stringContaining('{% for m in messages %}'),
      fewshot_as_multiturn: true,
    })
  })

  test('draws the needle map over depths and lengths', async () => {
    const told = {
      tasks: 'needle_grid',
      lengths: '400,480',
      haystack: at('data/capitals/test.jsonl'),
      'gen-kwargs': 'max_gen_toks=8',
      out: at('needles'),
    }
    const { code, stderr } = await evaluate(...flagsOf(told))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const samples = await readLines('needles/samples_needle_grid.jsonl')
    expect(samples).toHaveLength(22)
    expect(await readFile(at('needles/report.html'), 'utf8')).toContain('Needle in a haystack')
  })

  test('lists tasks', async () => {
    const { stdout } = await runCommand(evalCommand(), ['tasks', 'capital', '--include-path', at('tasks')])
    expect(stdout).toMatch(/^name .*\ncapitals +task +multiple_choice +capitals\nsay_capital +task +generate_until/)
    const listed = await runCommand(evalCommand(), ['tasks', '--json'])
    const { tasks } = JSON.parse(listed.stdout) as { tasks: { name: string; kind: string; tasks: number }[] }
    expect(tasks.find(({ name }) => name === 'mmlu')).toMatchObject({ kind: 'group', tasks: 57 })
  })
})

describe('stem eval says in one line what is wrong', () => {
  const tasks = ['--tasks', 'capitals']
  test.each([
    [[], 'error: eval: say which tasks, by --tasks a,b; stem eval tasks lists them\n', 2],
    [['--tasks', 'capitls'], 'error: no task or group is called capitls; did you mean capitals?\n', 1],
    [['--tasks', 'arc_esay'], 'error: no task or group is called arc_esay; did you mean arc_easy?\n', 1],
    [['--tasks', 'arc_easy'], /allenai\/ai2_arc.*should be there/, 1],
    [[...tasks, '--samples', '{"capitals": [77]}'], /there is no document 77; they are numbered 0 to 19/, 2],
    [[...tasks, '--samples', 'none.json'], /--samples none.json cannot be read/, 1],
    [[...tasks, '--limit', '2', '--samples', '{"capitals": [1]}'], /limit and samples were both given/, 2],
    [[...tasks, '--apply-chat-template'], /there is no chat template in .*--chat-template/, 2],
    [
      ['--tasks', 'niah_single_1'],
      'error: niah_single_1 makes texts of 4096 tokens, and the model reads 512; choose lengths that fit, as in --lengths 512\n',
      2,
    ],
    [
      ['--tasks', 'say_capital', '--gen-kwargs', 'max_gen_toks=512'],
      /^error: say_capital, document 0: .*an answer of 512 tokens leaves no room for a prompt/,
      2,
    ],
    [
      [...tasks, '--context', '6'],
      /^error: capitals, document \d+: " \w+" after .*: a continuation of 7 tokens does not fit into a model of 6;/,
      2,
    ],
    [[...tasks, '--gen-kwargs', 'max'], /'max' is not of the form name=value/, 2],
    [[...tasks, '--server', 'http://localhost:1/v1'], /give the model .* or --server, not both/, 2],
  ])('%j', async (args, message, code) => {
    const outcome = await evaluate(...args, '--out', at('failed'))
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1)
    if (typeof message === 'string') expect(outcome.stderr).toBe(message)
    else expect(outcome.stderr).toMatch(message)
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: '' })
  })

  test('and that a context was cut, which is no error', async () => {
    const { code, stderr } = await evaluate(...tasks, '--limit', '1', '--num-fewshot', '18', '--out', at('cut'))
    expect(code).toBe(0)
    expect(stderr).toBe('the model is too short for the context of 4 requests: its beginning was cut off\n')
  })
})
