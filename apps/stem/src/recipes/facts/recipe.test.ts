import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Command } from 'commander'
import { recipeCommand } from '../../commands/recipe.ts'
import { Interrupted } from '../../terminal/exit.ts'
import { runCommand } from '../../testing/run-command.ts'
import { readCountries } from './countries.ts'
import { factsRecipe, FINDINGS_FILE, type FactsFindings } from './recipe.ts'

const dir = mkdtempSync(join(tmpdir(), 'stem-facts-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const FEW = ['Chad', 'Cuba', 'Iran', 'Peru', 'South Korea', 'South Sudan']

/** The recipe on few countries and few steps, as a command. */
const tiny = (args: { readonly json: boolean; readonly resume: boolean }, signal = new AbortController().signal) =>
  runCommand(
    new Command().action(() =>
      factsRecipe({
        runFolder: dir,
        steps: 2,
        seed: 1,
        pairs: 12,
        placements: ['layer-1'],
        countries: readCountries().filter(({ name }) => FEW.includes(name)),
        threads: 1,
        signal,
        ...args,
      }),
    ),
    [],
  )

test('models are trained and edited, and what was found is printed, kept and drawn', { timeout: 120_000 }, async () => {
  const { code, stdout, stderr } = await tiny({ json: true, resume: false })
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/next: .*edit preview .*layer-1.model/) as unknown,
  })
  const { report, ...found } = JSON.parse(stdout) as FactsFindings & { report: string }
  expect(JSON.parse(readFileSync(join(dir, FINDINGS_FILE), 'utf8'))).toEqual(found)
  expect(found.models.map(({ label, stemLayers }) => [label, stemLayers])).toEqual([
    ['stem-layer-1', [1]],
    ['dense', []],
  ])
  for (const { efficacy, locality, recall } of found.models) {
    expect(recall.length).toBe(14)
    for (const { wanted, before, prompts } of efficacy) {
      expect(wanted.n).toBeGreaterThan(0)
      expect(prompts).toBeGreaterThanOrEqual(3 * wanted.n)
      expect(wanted.low <= wanted.share && wanted.share <= wanted.high).toBe(true)
      expect(before.old.n).toBe(wanted.n)
    }
    for (const { kept, prompts } of locality) expect(prompts).toBeGreaterThanOrEqual(kept.n)
    expect(locality.length).toBeGreaterThan(0)
  }
  expect(new Set(found.models[0]!.efficacy.map(({ change }) => change))).toEqual(
    new Set(['rows', 'occurrences', 'text', 'embeddings', 'rows and embeddings']),
  )
  expect(new Set(found.models[1]!.efficacy.map(({ change }) => change))).toEqual(new Set(['embeddings']))
  const page = readFileSync(report, 'utf8')
  expect(page).toContain('<h1>Facts, and what edits do to them</h1>')
  expect(page.match(/<svg/g)?.length).toBeGreaterThan(4)

  // Another time nothing is trained, and the same comes out, for people.
  const again = await tiny({ json: false, resume: true })
  expect(again.code).toBe(0)
  expect(again.stdout).toContain('By strategy: the answer that the edit wants is the likeliest')
  const { efficacy } = (JSON.parse(readFileSync(join(dir, FINDINGS_FILE), 'utf8')) as FactsFindings).models[0]!
  expect(efficacy).toEqual(found.models[0]!.efficacy)
  expect((await tiny({ json: false, resume: false })).stderr).toContain('add --resume')

  // Stopped before it begins to ask.
  const stopping = new AbortController()
  stopping.abort(new Interrupted())
  const stopped = await tiny({ json: false, resume: true }, stopping.signal)
  expect([stopped.code, stopped.stdout]).toEqual([130, ''])
})

test.each([
  [['facts', '--seeds', '2'], 'recipe facts: --seeds is an option of sotu'],
  [['sotu', '--pairs', '2'], 'recipe sotu: --pairs is an option of facts'],
  [['facts', '--study', '--placement', 'all'], 'leave out --placement'],
  [['nothing'], 'there is no recipe nothing; there is sotu, facts'],
])('%s is refused', async (args, message) => {
  const { code, stderr } = await runCommand(recipeCommand(), args)
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
})
