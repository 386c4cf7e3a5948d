/** What the tooling reads of a package.json. */
export interface Manifest {
  name: string
  version: string
  private?: boolean
  exports?: Record<string, string>
  bin?: Record<string, string>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  publishConfig?: {
    exports?: Record<string, string | { types?: string; default: string }>
    bin?: Record<string, string>
  }
}

/**
 * The published entries of a package, as tsup wants them: `{ name: 'src/name.ts' }`.
 * @throws when a published path is not `./dist/NAME.js`
 */
export function publishedEntries(manifest: Manifest): {
  exported: Record<string, string>
  bins: Record<string, string>
} {
  const targets = Object.values(manifest.publishConfig?.exports ?? {})
    .map((target) => (typeof target === 'string' ? target : target.default))
    .filter((target) => target !== './package.json')
  const entries = (paths: string[]) =>
    Object.fromEntries(
      paths.map((path) => [entryName(manifest.name, path), `src/${entryName(manifest.name, path)}.ts`]),
    )
  return { exported: entries(targets), bins: entries(Object.values(manifest.publishConfig?.bin ?? {})) }
}

function entryName(packageName: string, path: string): string {
  const name = /^\.\/dist\/([\w-]+)\.js$/.exec(path)?.[1]
  if (!name) throw new Error(`${packageName}: publishConfig names ${path}; a published entry is ./dist/NAME.js`)
  return name
}
