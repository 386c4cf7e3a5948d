import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { afterEach, expect, test } from 'vitest'
import { nodeProcesses, type ProcessIdentity } from './processes.ts'

const self = nodeProcesses.self()
const stateOf = (other: Partial<ProcessIdentity>) => nodeProcesses.stateOf({ ...self, ...other })

let child: ChildProcess | undefined
afterEach(() => child?.kill('SIGKILL'))

/** Runs a script that prints 'PID START' first. */
async function runs(script: string): Promise<Pick<ProcessIdentity, 'pid' | 'start'>> {
  child = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string]
  const [pid, start = ''] = line.trim().split(' ')
  return { pid: Number(pid), start }
}

test('this process is alive; what another machine or container has cannot be seen', () => {
  expect(self.pid).toBe(process.pid)
  expect(stateOf({})).toBe('alive')
  expect(stateOf({ host: 'far-away' })).toBe('elsewhere')
  expect(stateOf({ space: 'pid:[1]' })).toBe('elsewhere')
})

test.runIf(process.platform === 'linux')(
  'nothing outlives a restart, nor lives under a number of somebody else',
  () => {
    expect(stateOf({ boot: 'before' })).toBe('dead')
    expect(stateOf({ start: '1' })).toBe('dead')
  },
)

test.runIf(process.platform === 'linux')('a process is alive until it was killed', async () => {
  const other = await runs(`cut -d ' ' -f 1,22 /proc/$$/stat; exec sleep 60`)
  expect(other.pid).toBe(child!.pid)
  expect(stateOf(other)).toBe('alive')
  child!.kill('SIGKILL')
  await once(child!, 'exit')
  expect(stateOf(other)).toBe('dead')
})

test.runIf(process.platform === 'linux')(
  'a process that has ended is dead, though nobody has waited for it',
  async () => {
    // It prints itself; the shell becomes a program that waits for nobody.
    const zombie = await runs(`cut -d ' ' -f 1,22 /proc/self/stat & exec sleep 60`)
    await expect.poll(() => stateOf(zombie)).toBe('dead')
    expect(() => process.kill(zombie.pid, 0)).not.toThrow()
  },
)
