import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'

export interface ServerProcess {
  readonly url: string
  /** Sends SIGTERM and resolves to the exit code. */
  stop(): Promise<number | null>
}

const STEM = fileURLToPath(new URL('../../../apps/stem/src/main.ts', import.meta.url))

/** Starts `stem serve` as users do, and waits until it takes requests. @throws io if it does not come up */
export async function startServer(folder: string, args: readonly string[]): Promise<ServerProcess> {
  const line = ['serve', folder, '--name', 'model', '--port', '0', ...args]
  const child = spawn(process.execPath, [STEM, ...line], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close') as Promise<[number | null]>
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([once(lines, 'line') as Promise<[string]>, ended])
  const url = /http:\/\/[^\s/]+/.exec(String(first[0]))?.[0]
  if (url === undefined) throw new StemkitError('io', `stem serve ended with ${first[0]} before it took requests`)
  return {
    url,
    async stop() {
      child.kill('SIGTERM')
      return (await ended)[0]
    },
  }
}
