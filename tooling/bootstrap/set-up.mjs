// Plain JavaScript on purpose: this runs on a bare Node 20, before anything is installed.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The package manager, fetched through npx so that nothing is installed globally. */
const pnpm = `pnpm@${JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).config.pnpm}`

/** The workspace's own Node. */
const node = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node')

const stamp = join(root, 'node_modules/.stemkit-set-up')

/** Installs the workspace if that was not done yet, or if what it installs from has changed since. Exits on failure. */
export async function setUp() {
  const [major] = process.versions.node.split('.')
  if (Number(major) < 20) fail(`stemkit needs Node 20 or later; this is ${process.version}`)
  if (isSetUp()) return

  const started = Date.now()
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  const line = progressLine()
  let added = ''
  const tick = setInterval(() => line.update(`Setting up${added}, ${seconds()}`), 250)
  line.start(`Setting up: installing packages with ${pnpm} ...`)

  const flags = ['--frozen-lockfile', '--reporter=append-only', '--config.optimistic-repeat-install=false']
  const { code, output } = await capture('npx', ['--yes', pnpm, 'install', ...flags], (text) => {
    const count = /added (\d+)/.exec(text)?.[1]
    if (count) added = `: ${count} packages added`
  })
  clearInterval(tick)
  if (code !== 0) {
    line.end('')
    const log = join(tmpdir(), 'stemkit-set-up.log')
    writeFileSync(log, output)
    fail(`setting up failed after ${seconds()}: ${reason(output)} (whole output: ${log})`)
  }
  writeFileSync(stamp, fingerprint())
  line.end(`Set up in ${seconds()}`)
}

/**
 * Runs the workspace's own Node with the given arguments and ends this process as that one ends.
 * Ctrl-C reaches the child from the terminal itself; we only wait for what it makes of it.
 */
export function runNode(args) {
  const bin = join(root, 'node_modules/.bin')
  const separator = process.platform === 'win32' ? ';' : ':'
  const env = { ...process.env, PATH: `${bin}${separator}${process.env.PATH ?? ''}` }
  const child = spawn(node, args, { cwd: root, stdio: 'inherit', env })
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  process.on('SIGINT', () => onTerminal || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + signalNumber(signal)))
}

function isSetUp() {
  return (
    existsSync(node) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === fingerprint() &&
    projects().every((project) => !hasPrepare(project) || existsSync(join(project, 'generated')))
  )
}

/** Everything that an install reads: the lockfile, the manifests, and what `prepare` scripts make `generated/` from. */
function fingerprint() {
  const files = [
    ...['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'].map((name) => join(root, name)),
    ...inputs(join(root, 'tooling/build')),
    ...projects().flatMap((project) => (hasPrepare(project) ? inputs(project) : [join(project, 'package.json')])),
  ]
  const hash = createHash('sha256').update(process.platform + process.arch)
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(file))
  return hash.digest('hex')
}

function projects() {
  return ['packages', 'apps', 'tooling']
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
    .concat(join(root, 'examples'))
    .filter((project) => existsSync(join(project, 'package.json')))
    .toSorted()
}

function hasPrepare(project) {
  return 'prepare' in (JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).scripts ?? {})
}

function inputs(folder) {
  const skipped = new Set(['src', 'dist', 'generated', 'node_modules', 'README.md', 'CHANGELOG.md'])
  return readdirSync(folder)
    .filter((name) => !skipped.has(name))
    .toSorted()
    .map((name) => join(folder, name))
    .flatMap((path) => (statSync(path).isDirectory() ? inputs(path) : [path]))
}

/** Runs a command in the workspace and keeps what it prints; `onText` sees it as it comes. */
function capture(command, args, onText) {
  const env = {
    // npm's own retries wait a minute before they admit that there is no network.
    npm_config_fetch_retry_mintimeout: '2000',
    npm_config_update_notifier: 'false',
    ...process.env,
  }
  return new Promise((resolve) => {
    const shell = process.platform === 'win32'
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env, shell })
    let output = ''
    const keep = (chunk) => {
      output += chunk
      onText(String(chunk))
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const interrupt = (signal) => {
      child.kill(signal)
      process.exit(128 + signalNumber(signal))
    }
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    child.on('error', (error) => resolve({ code: 1, output: `${command} does not start: ${error.message}` }))
    child.on('close', (code) => {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
      resolve({ code, output })
    })
  })
}

/** The line of an install's output that says what went wrong. */
function reason(output) {
  const lines = output.split('\n').map((text) => text.trim())
  const network = lines.find((text) =>
    /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET|FETCH/i.test(text),
  )
  if (network) return `packages could not be fetched; check the network and npm's registry setting. ${network}`
  return lines.findLast((text) => /ERR|error/i.test(text)) ?? lines.findLast(Boolean) ?? 'no output'
}

/** One line that is rewritten in place on a terminal; elsewhere its first and last state are lines of their own. */
function progressLine() {
  const { stderr } = process
  const rewrite = (text) => stderr.write(`\r\u001B[K${text}`)
  return stderr.isTTY
    ? { start: rewrite, update: rewrite, end: (text) => rewrite(text && `${text}\n`) }
    : { start: (text) => stderr.write(`${text}\n`), update() {}, end: (text) => text && stderr.write(`${text}\n`) }
}

function signalNumber(signal) {
  return { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 }[signal] ?? 1
}

function fail(message) {
  process.stderr.write(`stemkit: ${message}\n`)
  process.exit(1)
}
