import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { takeWriteLock } from './write-lock.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'write-lock-'))
})
afterAll(() => rm(dir, { recursive: true }))

test('one holder at a time, in one process too', async () => {
  const path = join(dir, 'own')
  const lock = await takeWriteLock(path)
  await expect(takeWriteLock(path)).rejects.toMatchObject({
    code: 'conflict',
    message: `${path}: held by this process; release it first`,
  })
  lock.release()
  const next = await takeWriteLock(path)
  next.release()
})

test('another process is named, and a killed one holds nothing', async () => {
  const path = join(dir, 'other')
  const script = `
    const { takeWriteLock } = await import(${JSON.stringify(new URL('./write-lock.ts', import.meta.url).href)})
    await takeWriteLock(${JSON.stringify(path)})
    console.log('held')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  await expect(takeWriteLock(path)).rejects.toMatchObject({
    code: 'conflict',
    message: `${path}: held by process ${holder.pid}; wait for it or end it`,
  })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  const lock = await takeWriteLock(path)
  lock.release()
})

test('a folder that is not there is not somebody else holding it', async () => {
  const error: unknown = await takeWriteLock(join(dir, 'none', 'lock')).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toHaveProperty('code', 'conflict')
})
