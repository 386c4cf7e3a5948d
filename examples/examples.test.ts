/** Every example is run as a reader would run it, and has to say what it says it shows. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'stemkit-examples-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function run(example: string, ...args: string[]): Promise<string> {
  const path = fileURLToPath(new URL(example, import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args])
  return stdout
}

/** The number in the pattern's group. */
function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1]
  expect(found, `${String(pattern)} in:\n${text}`).toBeDefined()
  return Number(found)
}

test(
  'train-from-code trains a model that generates and that an .onnx file reproduces',
  { timeout: 300_000 },
  async () => {
    const model = join(folder, 'model')
    const trained = await run('train-from-code.ts', model)
    const first = numberIn(trained, /step 0: loss ([\d.]+)/)
    expect(numberIn(trained, /step 49: loss ([\d.]+)/)).toBeLessThan(first - 0.5)
    expect(numberIn(trained, /held-out loss ([\d.]+)/)).toBeLessThan(first - 0.5)
    expect(trained).toMatch(/sample: The people of the United States.{20,}/)

    expect((await run('generate.ts', model)).length).toBeGreaterThan(20)

    const exported = await run('export-and-run-onnx.ts', model)
    expect(exported).toContain('inputs: input_ids; outputs: logits')
    expect(numberIn(exported, /largest difference from the model itself: (\S+)/)).toBeLessThan(2e-5)
    expect(exported).toMatch(/likeliest next token: ".+"/)
  },
)

test('own-feed-forward learns, as the dense and the STEM model beside it do', { timeout: 300_000 }, async () => {
  const text = await run('own-feed-forward.ts')
  for (const kind of ['dense', 'stem', 'corrected_stem']) {
    const first = numberIn(text, new RegExp(`^${kind}: loss ([\\d.]+) at first`, 'm'))
    expect(numberIn(text, new RegExp(`^${kind}: .* held-out ([\\d.]+) after`, 'm'))).toBeLessThan(first - 0.5)
  }
  const [stem, own] = ['stem', 'corrected_stem'].map((kind) =>
    numberIn(text, new RegExp(`^${kind}: .* at (\\d+)% of its FLOPs`, 'm')),
  )
  expect(stem).toBeLessThan(own!)
  expect(own).toBeLessThan(100)
})

test('export-and-run-onnx needs no model folder', { timeout: 60_000 }, async () => {
  const exported = await run('export-and-run-onnx.ts')
  expect(numberIn(exported, /largest difference from the model itself: (\S+)/)).toBeLessThan(2e-5)
})

describe('plugin-template', () => {
  const file = (path: string): string => fileURLToPath(new URL(`plugin-template/${path}`, import.meta.url))

  test('has a driver of under 60 lines that passes the conformance suite', { timeout: 120_000 }, async () => {
    expect(readFileSync(file('src/index.ts'), 'utf8').trimEnd().split('\n').length).toBeLessThan(60)
    const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap'], {
      cwd: file('.'),
    })
    expect(numberIn(stdout, /^# pass (\d+)$/m)).toBeGreaterThan(40)
    expect(stdout).toMatch(/^# fail 0$/m)
  })

  test('asks for the packages as they are published', () => {
    const { dependencies } = JSON.parse(readFileSync(file('package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    for (const [name, range] of Object.entries(dependencies)) {
      const manifest = file(`../node_modules/${name}/package.json`)
      expect(range, name).toBe(`^${(JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version}`)
    }
  })
})
