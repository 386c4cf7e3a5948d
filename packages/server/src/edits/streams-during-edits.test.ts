import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createModel, type Model } from '@stemkit/generate'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import type { NamedArray } from '@stemkit/model'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createServer } from '../create-server.ts'
import { listen, type Listener } from '../node.ts'
import type { CompletionResponse } from '../schemas/completions.ts'
import { eventsOf, post } from '../testing/call.ts'
import { editedModel, tableNames, type EditedModel } from '../testing/stored-tables.ts'

const CLIENTS = 50
const CHANGES = 6
const prompts = ['banana', 'a moon in the sea', 'nothing here ', 'a', 'we ate', 'who eats a']
/** Tokens that get the rows of others: bytes of these characters. */
const EDITS = { a: 'z', e: 'q', ' ': 'x' } as const
type Name = keyof typeof EDITS

let folder: string
let served: EditedModel
let listener: Listener
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stemkit-streams-'))
  served = await editedModel(folder, { slots: 8 })
  const server = createServer({ models: { tiny: served }, apiKeys: ['api-key'], adminKeys: ['admin-key'] })
  listener = await listen({ server, port: 0 })
})
afterAll(async () => {
  await listener.close()
  await served.dispose()
  await rm(folder, { recursive: true })
})

const tokenOf = (character: string): number => served.source.tokenizer!.encode(character)[0]!
const request = { model: 'tiny', temperature: 0, max_tokens: 8, logprobs: 2, logit_bias: { 258: -100 } }

interface Answer {
  readonly text: string
  readonly tokens: readonly string[]
}

/** The model with its tables in memory, changed by hand. */
async function changedModel(names: readonly Name[]): Promise<Model> {
  const { config, tokenizer } = served.source
  const weights = new Map(served.source.weights as ReadonlyMap<string, NamedArray>)
  for (const table of tableNames(config)) {
    const { shape, data: original } = weights.get(table)!
    const width = shape[1]!
    const data = original.slice()
    for (const name of names) {
      const from = tokenOf(EDITS[name]) * width
      data.set(original.subarray(from, from + width), tokenOf(name) * width)
    }
    weights.set(table, { shape, data })
  }
  return createModel({ config, weights, tokenizer, engine: compiledEngine(nodeRuntime(), { threads: 1 }) })
}

/** What each prompt is answered with while these edits are there. */
async function referenceOf(names: readonly Name[]): Promise<Answer[]> {
  const model = await changedModel(names)
  const { fetch } = createServer({ models: { tiny: { model } } })
  const answers: Answer[] = []
  for (const prompt of prompts) {
    const { choices } = (await (
      await post(fetch, '/v1/completions', { ...request, prompt })
    ).json()) as CompletionResponse
    const { text, logprobs } = choices[0]!
    for (const likely of logprobs!.top_logprobs!) {
      const [first, second] = Object.values(likely!).toSorted((a, b) => b - a)
      // What is answered must not hang on how sums were rounded.
      expect(first! - second!).toBeGreaterThan(1e-3)
    }
    answers.push({ text, tokens: logprobs!.tokens })
  }
  await model.dispose()
  return answers
}

/** What the server has confirmed: which edits are there in which version. */
const states = new Map<number, readonly Name[]>([[1, []]])
let confirmed = 1

/** Applies and undoes edits one after the other, as an administrator would. */
async function administer(): Promise<void> {
  const there = new Set<Name>()
  const names = Object.keys(EDITS) as Name[]
  for (let change = 0; change < CHANGES; change++) {
    const name = names[(change * 2) % 3]!
    const isUndo = there.has(name)
    const at = `${listener.url}/admin/edits`
    const edit = { name: `edit-${names.indexOf(name)}`, source: [tokenOf(name)], target: [tokenOf(EDITS[name])] }
    const response = await fetch(isUndo ? `${at}/${edit.name}?model=tiny` : at, {
      method: isUndo ? 'DELETE' : 'POST',
      headers: { authorization: 'Bearer admin-key', 'content-type': 'application/json' },
      ...(!isUndo && { body: JSON.stringify({ model: 'tiny', edit }) }),
    })
    const text = await response.text()
    expect(response.status, text).toBe(200)
    if (isUndo) there.delete(name)
    else there.add(name)
    const { version } = JSON.parse(text) as { version: number }
    states.set(version, [...there].toSorted())
    confirmed = version
  }
}

interface Seen extends Answer {
  readonly prompt: number
  readonly version: number
  /** What had been confirmed when the request was sent, and when its answer was whole. */
  readonly sent: number
  readonly ended: number
}

async function stream(prompt: number): Promise<Seen> {
  const sent = confirmed
  const response = await fetch(`${listener.url}/v1/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer api-key', 'content-type': 'application/json' },
    body: JSON.stringify({ ...request, prompt: prompts[prompt], stream: true }),
  })
  const named = response.headers.get('stemkit-tables')
  const events = await eventsOf<CompletionResponse>(response)
  for (const { tables } of events) expect(tables).toBe(named)
  const choices = events.map((event) => event.choices[0]!)
  return {
    prompt,
    version: Number(/\/(\d+)/.exec(named!)![1]),
    sent,
    ended: confirmed,
    text: choices.map(({ text }) => text).join(''),
    tokens: choices.flatMap(({ logprobs }) => logprobs?.tokens ?? []),
  }
}

test(`${CLIENTS} clients stream while edits come and go: each answer is that of the version that it names`, async () => {
  const over = new AbortController()
  const administration = administer().finally(() => over.abort())
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    const seen: Seen[] = []
    for (let i = client; !over.signal.aborted; i++) seen.push(await stream(i % prompts.length))
    return seen
  })
  const seen = (await Promise.all(clients)).flat()
  await administration

  const references = new Map<string, Answer[]>()
  for (const names of states.values()) {
    if (!references.has(names.join())) references.set(names.join(), await referenceOf(names))
  }
  for (const prompt of prompts.keys()) {
    // Some edits say nothing to some prompts, but no prompt is deaf to all.
    expect(new Set([...references.values()].map((answers) => answers[prompt]!.text)).size).toBeGreaterThan(1)
  }
  for (const { prompt, version, sent, text, tokens } of seen) {
    const names = states.get(version)
    expect(names, `version ${version}`).toBeDefined()
    expect(version).toBeGreaterThanOrEqual(sent)
    expect({ text, tokens }).toEqual(references.get(names!.join())![prompt])
  }
  expect(seen.length).toBeGreaterThanOrEqual(CLIENTS)
  expect(new Set(seen.map(({ version }) => version)).size).toBeGreaterThan(2)
  expect(seen.filter(({ version, ended }) => ended > version).length).toBeGreaterThan(0)
}, 60_000)
