import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { publishedEntries } from '../build/entries.ts'
import { run } from './run.ts'
import { root, type PublicProject } from './public-projects.ts'

/** Builds a project unless its `dist` is newer than everything it is made from. */
export async function ensureBuilt({ folder, manifest }: PublicProject): Promise<void> {
  const { exported, bins } = publishedEntries(manifest)
  const outputs = [
    ...Object.keys(exported).flatMap((name) => [`${name}.js`, `${name}.d.ts`]),
    ...Object.keys(bins).map((name) => `${name}.js`),
  ]
  const made = Math.min(...outputs.map((name) => Math.max(0, ...times(join(folder, 'dist', name)))))
  const from = ['src', 'generated', 'package.json', join(root, 'tooling/build'), join(root, 'tooling/tsup.config.ts')]
  const changed = Math.max(...from.flatMap((path) => times(path.startsWith('/') ? path : join(folder, path))))
  if (made > changed) return
  const tsup = join(root, 'node_modules/tsup/dist/cli-default.js')
  const { failed, output } = await run(process.execPath, [tsup, '--config', '../../tooling/tsup.config.ts'], folder)
  if (failed) throw new Error(`${manifest.name} does not build:\n${output}`)
}

/** When the files at a path were last changed. */
function times(path: string): number[] {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return []
  if (stat.isFile()) return [stat.mtimeMs]
  return readdirSync(path).flatMap((name) => times(join(path, name)))
}
