import { setImmediate } from 'node:timers/promises'
import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test } from 'vitest'
import { writeFully, type FileSystem } from './file-system.ts'
import { takeLock } from './lock-file.ts'
import { nodeProcesses, type ProcessIdentity, type Processes } from '@stemkit/spec/processes'
import { intercept } from './testing/intercept.ts'
import { powerCutDisk } from './testing/power-cut-disk.ts'
import { seededRandom } from './testing/random.ts'

const identity = (pid: number): ProcessIdentity => ({ pid, host: 'here', boot: 'b', space: 's', start: `${pid}` })

/** Processes of one machine that live until they are in `dead`. */
const machine = (pid: number, dead: ReadonlySet<number>): Processes => ({
  self: () => identity(pid),
  stateOf: (other) => (dead.has(other.pid) ? 'dead' : 'alive'),
})

async function put(files: FileSystem, path: string, text: string): Promise<void> {
  const file = await files.open(path, 'new')
  await writeFully(file, [new TextEncoder().encode(text)], 0)
  await file.close()
}

const lockText = (holder: Partial<ProcessIdentity>): string =>
  JSON.stringify({ ...nodeProcesses.self(), ...holder, token: 'theirs' })

const quietDisk = (): FileSystem => powerCutDisk({ random: () => 0.5 }).files

describe('a lock file', () => {
  test('is held by one, who is named to others, until it is released', async () => {
    const files = quietDisk()
    const lock = await takeLock(files, machine(1, new Set()), '/lock')
    await expect(takeLock(files, machine(2, new Set()), '/lock')).rejects.toMatchObject({
      code: 'conflict',
      message: '/lock: held by process 1; wait for it or end it',
    })
    await expect(takeLock(files, machine(1, new Set()), '/lock')).rejects.toThrow('held by this process')
    await lock.release()
    await takeLock(files, machine(2, new Set()), '/lock')
    await lock.release()
    await expect(takeLock(files, machine(3, new Set()), '/lock')).rejects.toThrow('held by process 2')
    expect(await files.list('/')).toEqual(['lock'])
  })

  test('is waited for by who has patience, until that ends or a signal aborts', async () => {
    const files = quietDisk()
    const first = await takeLock(files, machine(1, new Set()), '/lock')
    await expect(takeLock(files, machine(2, new Set()), '/lock', { patience: 20 })).rejects.toThrow('process 1')
    const stop = new AbortController()
    const waiting = takeLock(files, machine(2, new Set()), '/lock', { patience: 60_000, signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    const second = takeLock(files, machine(2, new Set()), '/lock', { patience: 60_000 })
    await first.release()
    await (await second).release()
    expect(await files.list('/')).toEqual([])
  })

  const free: Record<string, string> = {
    'a process that is no more': lockText({ pid: 2 ** 22 + 1 }),
    'a process whose number another one has now': lockText({ start: '1' }),
    'a process of before the machine was started': lockText({ boot: 'before', pid: process.pid }),
    'nobody: a loss of power left it empty': '',
    'nobody: a loss of power left it cut short': lockText({}).slice(0, 40),
    'nobody: a loss of power left it zeroed': '\0'.repeat(80),
  }
  for (const [who, text] of Object.entries(free)) {
    test.skipIf(process.platform !== 'linux')(`is taken over from ${who}`, async () => {
      const files = quietDisk()
      await put(files, '/lock', text)
      const lock = await takeLock(files, nodeProcesses, '/lock')
      expect(await files.list('/')).toEqual(['lock'])
      await lock.release()
      expect(await files.list('/')).toEqual([])
    })
  }

  const taken: Record<string, string> = {
    'this process': lockText({}),
    'another process': lockText({ pid: process.ppid, start: '' }),
  }
  for (const [who, text] of Object.entries(taken)) {
    test(`is not taken over from ${who}, which is alive`, async () => {
      const files = quietDisk()
      await put(files, '/lock', text)
      await expect(takeLock(files, nodeProcesses, '/lock', { patience: 5 })).rejects.toMatchObject({ code: 'conflict' })
    })
  }

  const elsewhere: Record<string, Partial<ProcessIdentity>> = {
    'another machine': { host: 'far-away' },
    'another container': { space: 'pid:[1]' },
  }
  for (const [where, holder] of Object.entries(elsewhere)) {
    test(`is not taken over from ${where}; the message says what to remove`, async () => {
      const files = quietDisk()
      await put(files, '/lock', lockText({ ...holder, pid: 77 }))
      await expect(takeLock(files, nodeProcesses, '/lock', { patience: 60_000 })).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/^\/lock: held by process 77 of .*if it is dead, remove this file$/),
      })
    })
  }

  test('cannot be where there are no hard links', async () => {
    const files = intercept(quietDisk(), async ({ name }, work) => {
      if (name === 'link') throw Object.assign(new Error('EPERM'), { code: 'EPERM' })
      return work()
    })
    await expect(takeLock(files, nodeProcesses, '/lock')).rejects.toMatchObject({ code: 'unsupported' })
    expect(await files.list('/')).toEqual([])
  })
})

describe('a lock file whose holder died', () => {
  test('goes to exactly one of those that race for it, in 300 interleavings', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { files } = powerCutDisk({ random: seededRandom(seed), onOperation: () => {} })
      const dead = new Set([1])
      await takeLock(files, machine(1, dead), '/lock')
      const racing = [2, 3, 4, 5].map((pid) => takeLock(files, machine(pid, dead), '/lock'))
      const results = await Promise.allSettled(racing)
      const winners = results.filter((result) => result.status === 'fulfilled')
      expect(winners.length, `seed ${seed}`).toBe(1)
      for (const result of results) {
        const { reason } = result as PromiseRejectedResult
        if (reason !== undefined)
          expect(StemkitError.isInstance(reason) && reason.code, String(reason)).toBe('conflict')
      }
      expect(await files.list('/')).toEqual(['lock'])
    }
  })

  test('has one holder at a time, and somebody gets it, though they die on the way, in 300 interleavings', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed)
      const disk = powerCutDisk({ random, onOperation: () => {} })
      const dead = new Set([8])
      await takeLock(disk.files, machine(8, dead), '/lock')
      let holder: number | undefined

      /** Takes the lock, holds it for a while and gives it back; or dies before or after any operation. */
      const live = async (pid: number): Promise<void> => {
        const die = (): Promise<never> => {
          dead.add(pid)
          if (holder === pid) holder = undefined
          died()
          return new Promise(() => {})
        }
        let died!: () => void
        const death = new Promise<void>((resolve) => (died = resolve))
        const files = intercept(disk.files, async (_, work) => {
          if (random() < 0.005) return die()
          const result = await work()
          return random() < 0.005 ? die() : result
        })
        const tryOften = async (): Promise<void> => {
          for (;;) {
            const lock = await takeLock(files, machine(pid, dead), '/lock').catch(() => undefined)
            if (lock !== undefined) {
              expect(holder, `seed ${seed}: ${pid} took the lock`).toBe(undefined)
              holder = pid
              for (let hops = random() * 20; hops > 0; hops--) await setImmediate()
              if (random() < 0.5) await die()
              holder = undefined
              await lock.release()
              return
            }
            await setImmediate()
          }
        }
        await Promise.race([tryOften(), death])
      }
      await Promise.all([1, 2, 3, 4, 5, 6].map(live))
      await takeLock(disk.files, machine(9, new Set([1, 2, 3, 4, 5, 6, 8])), '/lock')
    }
  })
})
