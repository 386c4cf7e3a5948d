import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { disableTelemetry } from './telemetry.ts'

/** What a process with these arguments prints that runs a graph. */
async function printedBy(runtime: string, args: readonly string[]): Promise<string> {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)
  const script = `
    import { compile } from ${url('../index.ts')}
    import { ${runtime} } from ${url('../node.ts')}
    import { reshape } from '@stemkit/tensor'
    const inputs = { x: { dtype: 'float32', shape: [2] } }
    const program = await compile(({ x }) => ({ y: reshape(x, [2, 1]) }), { inputs, runtime: ${runtime}() })
    const { y } = await program.run({ x: Float32Array.of(1, 2) })
    console.log(...y, process.env.ORT_DISABLE_TELEMETRY)`
  const all = ['--input-type=module', '--eval', script, '--', ...args]
  const cwd = new URL('../..', import.meta.url)
  // Telemetry is off of itself where variables of tests or CI are set.
  const { stdout } = await promisify(execFile)(process.execPath, all, {
    cwd,
    env: { PATH: process.env['PATH'] },
  })
  return stdout.trim()
}

// Telemetry reads the command line with patterns that take stack for each letter.
test.each(['onnxRuntimeCApi', 'onnxRuntimeNode'])(
  '%s sends nothing home, and takes long command lines',
  async (name) => {
    expect(await printedBy(name, ['the nation '.repeat(5000)])).toBe('1 2 1')
  },
)

// Without a library that would report: it is no business of a test to do so.
test('who wants telemetry may have it', () => {
  const before = process.env['ORT_DISABLE_TELEMETRY']
  onTestFinished(() => {
    if (before === undefined) delete process.env['ORT_DISABLE_TELEMETRY']
    else process.env['ORT_DISABLE_TELEMETRY'] = before
  })
  process.env['ORT_DISABLE_TELEMETRY'] = '0'
  disableTelemetry()
  expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('0')
  delete process.env['ORT_DISABLE_TELEMETRY']
  disableTelemetry()
  expect(process.env['ORT_DISABLE_TELEMETRY']).toBe('1')
})
