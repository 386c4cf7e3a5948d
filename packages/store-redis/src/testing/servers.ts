import { createClient } from '@redis/client'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** The server program of this machine, real Valkey or Redis; undefined where there is none. */
export const program = ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).status === 0)

export const missing = 'no redis-server or valkey-server on this machine'

export interface TestServer {
  readonly port: number
  readonly socket: string
  readonly url: string
  /** Sends it a command of its own, over a connection of its own. */
  ask(...command: string[]): Promise<unknown>
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>
  /** Starts it again, with the files that it left. */
  start(): Promise<void>
  pause(): void
  resume(): void
  /** Kills it and removes its files. */
  remove(): Promise<void>
}

const KEEP_ALL = ['--appendonly', 'yes', '--appendfsync', 'always']

/** Starts a server on a free port, in a folder of its own. Default: it keeps what it has acknowledged. */
export async function startServer(settings: readonly string[] = KEEP_ALL): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'stemkit-redis-'))
  const socket = join(folder, 'socket')
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let child: ChildProcess | undefined

  const server: TestServer = {
    port,
    socket,
    url,
    async ask(...command) {
      const client = createClient({ url, socket: { reconnectStrategy: false }, disableClientInfo: true })
      client.on('error', () => undefined)
      await client.connect()
      try {
        return await client.sendCommand(command)
      } finally {
        client.destroy()
      }
    },
    async kill() {
      const dying = child
      child = undefined
      if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return
      const gone = new Promise((resolve) => dying.once('exit', resolve))
      dying.kill('SIGKILL')
      await gone
    },
    async start() {
      const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket, '--dir', folder]
      const quick = ['--save', '', '--repl-diskless-sync-delay', '0', '--loglevel', 'warning']
      child = spawn(program!, [...fixed, ...quick, ...settings], { stdio: ['ignore', 'pipe', 'ignore'] })
      let said = ''
      child.stdout!.on('data', (text: Buffer) => (said = `${said}${text}`.slice(-2000)))
      const isUp = async (): Promise<boolean> => {
        const answer = await server.ask('PING').catch((error: Error) => error.message)
        return answer === 'PONG' || String(answer).startsWith('NOAUTH')
      }
      const ended = new Promise<never>((_, reject) => {
        child!.once('exit', () => reject(new Error(`${program} ended; it said: ${said}`)))
      })
      ended.catch(() => undefined)
      await Promise.race([untilTrue(isUp, `${program} on port ${port} to start`), ended])
    },
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
    async remove() {
      await server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await server.start()
  } catch (error) {
    await server.remove()
    throw error
  }
  return server
}

export interface TestCluster {
  readonly masters: readonly TestServer[]
  /** Of the last master. */
  readonly replica: TestServer
  readonly url: string
  remove(): Promise<void>
}

/** Starts three masters, and a replica of the last one, which takes over however old its data are. */
export async function startCluster(): Promise<TestCluster> {
  const clustered = [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    '1000',
    '--cluster-replica-validity-factor',
    '0',
  ]
  const settings = [...KEEP_ALL, ...clustered]
  const nodes = await Promise.all([1, 2, 3, 4].map(() => startServer(settings)))
  const masters = nodes.slice(0, 3)
  const replica = nodes[3]!
  const bounds = [0, 5461, 10923, 16384]
  await Promise.all(
    masters.map(async (node, i) => {
      await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
      await node.ask('CLUSTER', 'ADDSLOTSRANGE', String(bounds[i]), String(bounds[i + 1]! - 1))
    }),
  )
  for (const node of nodes.slice(1)) await nodes[0]!.ask('CLUSTER', 'MEET', '127.0.0.1', String(node.port))
  await untilTrue(async () => {
    const known = await Promise.all(nodes.map((node) => node.ask('CLUSTER', 'NODES')))
    return known.every((text) => (String(text).match(/ connected/g) ?? []).length === 4)
  }, 'the nodes to know each other')
  await replica.ask('CLUSTER', 'REPLICATE', String(await masters[2]!.ask('CLUSTER', 'MYID')))
  await untilTrue(async () => {
    const states = await Promise.all(nodes.map((node) => node.ask('CLUSTER', 'INFO')))
    const link = String(await replica.ask('INFO', 'replication'))
    return states.every((text) => String(text).includes('cluster_state:ok')) && link.includes('master_link_status:up')
  }, 'the cluster to form')
  return {
    masters,
    replica,
    url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    remove: async () => {
      await Promise.all(nodes.map((node) => node.remove()))
    },
  }
}

export async function untilTrue(condition: () => Promise<boolean>, what: string, milliseconds = 20_000): Promise<void> {
  const end = performance.now() + milliseconds
  while (!(await condition().catch(() => false))) {
    if (performance.now() > end) throw new Error(`waited ${milliseconds} ms in vain for ${what}`)
    await pause(30)
  }
}

/** Below 50 000, as a cluster's nodes talk to each other on a port 10 000 higher. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 30_000)
    const free = (wanted: number): Promise<boolean> =>
      new Promise((resolve) => {
        const probe = createServer()
        probe.once('error', () => resolve(false))
        probe.listen(wanted, '127.0.0.1', () => probe.close(() => resolve(true)))
      })
    if ((await free(port)) && (await free(port + 10_000))) return port
  }
}
