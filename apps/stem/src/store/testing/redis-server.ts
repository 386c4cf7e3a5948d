import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** The server program of this machine; undefined where there is none. */
export const redisProgram = ['valkey-server', 'redis-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

export interface RedisProcess {
  /** Of its socket: `redis+unix://...`. */
  readonly url: string
  stop(): Promise<void>
}

/** Starts a server that listens at a socket in a folder of its own and keeps nothing on disk. */
export async function startRedis(): Promise<RedisProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'stem-redis-'))
  const socket = join(folder, 's')
  const child = spawn(redisProgram!, ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], {
    stdio: 'ignore',
  })
  const gone = once(child, 'exit')
  for (let tries = 0; (await stat(socket).catch(() => undefined)) === undefined; tries++) {
    if (tries > 400 || child.exitCode !== null) throw new Error(`${redisProgram} did not start`)
    await pause(25)
  }
  return {
    url: `redis+unix://${socket}`,
    async stop() {
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true })
    },
  }
}
