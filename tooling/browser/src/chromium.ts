import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']

/** The Chromium or Chrome of this machine; undefined where there is none. */
export const program = (process.env['PATH'] ?? '')
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  .find((path) => existsSync(path))

/** The title of tests that need it, which says so where they are skipped. */
export const inChromium = (what: string): string =>
  `${what} in Chromium${program === undefined ? ': no chromium on this machine' : ''}`

const FLAGS = [
  '--headless=new',
  // Nothing is said over the pipes, but it ends when they close: with this process, however that ends.
  '--remote-debugging-pipe',
  // It sees only pages of these tests, and as root or in a container there may be no sandbox.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-extensions',
  '--disable-sync',
  '--disable-quic',
]

const WITHOUT_GPU = ['--disable-gpu']
/** WebGPU in software, the same on every machine. */
const WITH_WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan']

export interface ChromiumOptions {
  /** Whether pages have WebGPU. Default: no. */
  readonly webgpu?: boolean
}

/** Milliseconds in which it may close by itself. */
const CLOSING = 3000

export interface Chromium {
  readonly pid: number
  /** Its folder. */
  readonly profile: string
  /** Rejects when it ends before it is closed, with what it said. */
  readonly ended: Promise<never>
  /** What it said last. */
  said(): string
  /** Ends it, with all its processes, and removes its profile. */
  close(): Promise<void>
}

/** Opens a URL in a Chromium without a window, with a profile of its own. */
export async function openChromium(url: string, { webgpu = false }: ChromiumOptions = {}): Promise<Chromium> {
  const profile = await mkdtemp(join(tmpdir(), 'stemkit-chromium-'))
  const flags = [...FLAGS, ...(webgpu ? WITH_WEBGPU : WITHOUT_GPU)]
  // In a process group of its own, so that all its processes can be ended at once.
  const child = spawn(program!, [...flags, `--user-data-dir=${profile}`, url], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr!.on('data', (text: Buffer) => (said = `${said}${text}`.slice(-2000)))
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? code}`))
  })
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal)
    } catch {
      // All of them are gone.
    }
  }
  const killAll = (): void => kill('SIGKILL')
  process.once('exit', killAll)
  const ended = exited.then((how) => Promise.reject(new Error(`${program}: ${how}; it said: ${said}`)))
  ended.catch(() => undefined)
  return {
    pid: child.pid!,
    profile,
    ended,
    said: () => said,
    async close() {
      child.kill('SIGTERM')
      await Promise.race([exited, pause(CLOSING, undefined, { ref: false })])
      killAll()
      await exited
      process.removeListener('exit', killAll)
      await rm(profile, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}
