import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

const bench = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })

test('an unknown name is refused with the names that there are', async () => {
  const { code, stdout, stderr } = await bench('trian', '--json')
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/no benchmark 'trian'; there are: .*train/)
})

test('a command line that makes no sense exits with 2', async () => {
  expect((await bench()).code).toBe(2)
  expect((await bench('train', '--jsno')).code).toBe(2)
})
