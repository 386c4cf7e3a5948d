import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicProjects, root, type PublicProject } from './public-projects.ts'
import { run } from './run.ts'

/** A project with the tarball that its users would install. */
export interface Packed extends PublicProject {
  tarball: string
}

/** Packs every public project into `destination`. They have to be built. */
export async function packAll(destination: string): Promise<Packed[]> {
  const projects = publicProjects()
  const { config } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { config: { pnpm: string } }
  const filters = projects.flatMap(({ manifest }) => ['--filter', manifest.name])
  const pack = ['pack', '--pack-destination', destination, '--json', '--config.ignore-scripts=true']
  const args = ['--yes', `pnpm@${config.pnpm}`, '--recursive', ...filters, ...pack]
  const { failed, stdout, output } = await run('npx', args, root)
  if (failed) throw new Error(`pnpm pack failed:\n${output}`)
  const tarballs = JSON.parse(stdout) as { name: string; filename: string }[]
  return projects.map((project) => {
    const tarball = tarballs.find(({ name }) => name === project.manifest.name)?.filename
    if (!tarball) throw new Error(`pnpm pack left ${project.manifest.name} out:\n${output}`)
    return { ...project, tarball }
  })
}
