// Packs every public package, built first where that is due, and judges the tarballs as npm and TypeScript would:
// publint and "are the types wrong".
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { ensureBuilt } from './publish/build.ts'
import { inParallel } from './publish/in-parallel.ts'
import { packAll, type Packed } from './publish/pack.ts'
import { publicProjects, root } from './publish/public-projects.ts'
import { run } from './publish/run.ts'

const destination = mkdtempSync(join(tmpdir(), 'stemkit-check-'))
process.on('exit', () => rmSync(destination, { recursive: true }))

await inParallel(publicProjects(), ensureBuilt)
const packed = await packAll(destination)
const checked = await inParallel(packed, async (each) => ({
  name: each.manifest.name,
  published: await checkPublished(each),
  types: each.manifest.exports ? await checkTypes(each) : 'not needed: it exports nothing',
}))

console.table(
  checked.map(({ name, published, types }) => ({
    package: name,
    publint: published.length > 0 ? `${published.length} problems` : 'ok',
    types: typeof types === 'string' ? types : types.wrong ? 'wrong' : 'ok',
  })),
)
const problems = checked.flatMap(({ name, published, types }) => [
  ...published.map((message) => `${name}: ${message}`),
  ...(typeof types === 'object' && types.wrong ? [`${name}:\n${types.wrong}`] : []),
])
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0

async function checkPublished({ tarball }: Packed): Promise<string[]> {
  const bytes = readFileSync(tarball)
  const tarballBuffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
  const { messages, pkg } = await publint({ pack: { tarball: tarballBuffer }, strict: true })
  return messages.map((message) => formatMessage(message, pkg) ?? message.code)
}

/** What is wrong with the types, for users of ES modules in Node and in bundlers. */
async function checkTypes({ tarball }: Packed): Promise<{ wrong: string | undefined }> {
  const args = [basename(tarball), '--profile', 'esm-only', '--format', 'ascii', '--no-color']
  const attw = join(root, 'node_modules/.bin/attw')
  const { failed, output } = await run(attw, args, destination)
  return { wrong: failed ? output : undefined }
}
