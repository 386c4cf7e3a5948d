import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { argumentsOf } from './arguments.ts'

test('an environment becomes a command line', () => {
  const environment = {
    STEM_MODEL: '/model',
    PORT: '80',
    STEM_STORE: 'file:./rows',
    STEM_CORS: 'https://a, https://b',
    HOME: '/',
  }
  expect(argumentsOf(environment)).toEqual([
    'serve',
    '/model',
    '--json',
    '--host=0.0.0.0',
    '--port=80',
    '--store=file:./rows',
    '--cors=https://a',
    '--cors=https://b',
  ])
  expect(argumentsOf({ STEM_HOST: '::1' })).toEqual(['serve', '--json', '--host=::1'])
})

test('the process is stem serve', async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, STEM_MODEL: '/nowhere', PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code] = (await once(child, 'close')) as [number]
  expect(code).toBe(1)
  expect(said).toMatch(/^error: .*nowhere.*\n$/)
})
