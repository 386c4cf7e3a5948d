import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const module = new URL('./set-up.mjs', import.meta.url).href
const runNode = (code: string) => [
  '--input-type=module',
  '--eval',
  `import { runNode } from '${module}'; runNode(['--eval', ${JSON.stringify(code)}])`,
]

const scratch = mkdtempSync(join(tmpdir(), 'stemkit-set-up-'))
afterAll(() => rmSync(scratch, { recursive: true }))

test("ends with the child's exit code", () => {
  expect(spawnSync(process.execPath, runNode('process.exit(7)')).status).toBe(7)
})

test('ends with 128 + signal when the child is killed', () => {
  expect(spawnSync(process.execPath, runNode('process.kill(process.pid, "SIGKILL")')).status).toBe(137)
})

test('runs the workspace’s own Node, and puts it first for processes that the child starts', () => {
  const code = `console.log(process.version, require('child_process').execSync('node --version').toString().trim())`
  const { stdout } = spawnSync(process.execPath, runNode(code), { encoding: 'utf8' })
  const [own, inherited] = stdout.trim().split(' ')
  expect(own).toMatch(/^v24\./)
  expect(inherited).toBe(own)
})

test('lets the child decide what an interrupt means', async () => {
  const code = `process.on('SIGINT', () => process.exit(130)); console.log('ready'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, runNode(code), { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.once('data', () => child.kill('SIGINT'))
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(130)
})

test('says in one line that packages cannot be fetched', () => {
  const workspace = join(scratch, 'offline')
  for (const folder of ['packages', 'apps']) mkdirSync(join(workspace, folder), { recursive: true })
  const root = fileURLToPath(new URL('../..', import.meta.url))
  for (const file of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'tooling/bootstrap', 'tooling/build']) {
    cpSync(join(root, file), join(workspace, file), { recursive: true })
  }
  const { status, stderr } = spawnSync(process.execPath, ['tooling/bootstrap/test.mjs'], {
    cwd: workspace,
    encoding: 'utf8',
    env: {
      ...process.env,
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(scratch, 'empty-cache'),
      npm_config_fetch_retries: '0',
    },
  })
  expect(status).toBe(1)
  const [, failure, ...rest] = stderr.trim().split('\n')
  expect(failure).toContain("packages could not be fetched; check the network and npm's registry setting")
  expect(rest).toEqual([])
  expect(existsSync(join(workspace, 'node_modules/.stemkit-set-up'))).toBe(false)
})
