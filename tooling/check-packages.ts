// Packs every public package and judges the tarballs as npm and TypeScript would: publint and "are the types wrong".
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { ensureBuilt } from './publish/build.ts'
import { packAll, type Packed } from './publish/pack.ts'
import { publicProjects, root } from './publish/public-projects.ts'
import { run } from './publish/run.ts'

const destination = mkdtempSync(join(tmpdir(), 'stemkit-check-'))
process.on('exit', () => rmSync(destination, { recursive: true }))

for (const project of publicProjects()) await ensureBuilt(project)
const packed = await packAll(destination)

const rows: { package: string; publint: string; types: string }[] = []
const problems: string[] = []
const queue = [...packed]
await Promise.all(Array.from({ length: availableParallelism() }, work))

console.table(rows.toSorted((a, b) => a.package.localeCompare(b.package)))
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0

async function work(): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { name } = next.manifest
    const published = await checkPublished(next)
    const types = next.manifest.exports ? await checkTypes(next) : undefined
    rows.push({
      package: name,
      publint: published.length > 0 ? `${published.length} problems` : 'ok',
      types: next.manifest.exports ? (types ? 'wrong' : 'ok') : 'none (no exports)',
    })
    problems.push(...published.map((message) => `${name}: ${message}`), ...(types ? [`${name}:\n${types}`] : []))
  }
}

async function checkPublished({ tarball }: Packed): Promise<string[]> {
  const bytes = readFileSync(tarball)
  const tarballBuffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball: tarballBuffer }, strict: true })
  return messages.map((message) => formatMessage(message, pkg) ?? message.code)
}

/** What is wrong with the types, for users of ES modules in Node and in bundlers. */
async function checkTypes({ tarball }: Packed): Promise<string | undefined> {
  const args = [basename(tarball), '--profile', 'esm-only', '--format', 'ascii', '--no-color']
  const attw = join(root, 'node_modules/.bin/attw')
  const { failed, output } = await run(attw, args, destination)
  return failed ? output : undefined
}
