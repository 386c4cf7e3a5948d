import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Manifest } from '../build/entries.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A package or app that is published. */
export interface PublicProject {
  /** Absolute. */
  folder: string
  manifest: Manifest
}

/** Every package and app of the workspace that is not private. */
export function publicProjects(): PublicProject[] {
  return ['packages', 'apps']
    .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
    .flatMap((folder) => {
      const manifest = readManifest(folder)
      return manifest && !manifest.private ? [{ folder, manifest }] : []
    })
}

function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, 'package.json')
  return statSync(path, { throwIfNoEntry: false }) && (JSON.parse(readFileSync(path, 'utf8')) as Manifest)
}
