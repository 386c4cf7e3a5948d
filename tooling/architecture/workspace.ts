import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { Manifest } from '../build/entries.ts'
import { readImports, type Import } from './imports.ts'

/** A package or app with its sources. Paths are relative to its folder. */
export interface Project {
  /** `packages/spec` */
  folder: string
  isApp: boolean
  manifest: Manifest
  /** Every source file and what it imports. */
  sources: Map<string, Import[]>
}

/** The packages and apps below `root` that have a package.json. */
export function readWorkspace(root: string): Project[] {
  return ['packages', 'apps']
    .filter((group) => existsSync(join(root, group)))
    .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`))
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => readProject(root, folder))
}

function readProject(root: string, folder: string): Project {
  const path = join(root, folder)
  const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest
  const src = join(path, 'src')
  const files = existsSync(src) ? readdirSync(src, { recursive: true, encoding: 'utf8' }) : []
  const sources = files
    .filter((file) => /\.m?ts$/.test(file))
    .toSorted()
    .map((file) => [join('src', file), readImports(join(src, file))] as const)
  return { folder, isApp: folder.startsWith('apps/'), manifest, sources: new Map(sources) }
}

/** The files of a project that `entries` pull in, themselves included. Type imports are followed only if asked. */
export function reachable(project: Project, entries: string[], { types }: { types: boolean }): Set<string> {
  const seen = new Set<string>()
  const queue = entries.map((entry) => relative('.', entry)).filter((entry) => project.sources.has(entry))
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue
    seen.add(file)
    for (const { specifier, typeOnly } of project.sources.get(file) ?? []) {
      const target = join(dirname(file), specifier)
      if (specifier.startsWith('.') && (types || !typeOnly) && project.sources.has(target)) queue.push(target)
    }
  }
  return seen
}

/** `@scope/name` of `@scope/name/subpath`; `undefined` for relative paths and built-in modules. */
export function packageOf(specifier: string): string | undefined {
  if (/^(\.|#|\/|node:)/.test(specifier)) return undefined
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}
