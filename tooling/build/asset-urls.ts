// `new URL('./pool/worker.ts', import.meta.url)` has to name the same thing before and after bundling.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import type { Plugin } from 'esbuild'

const ASSET_URL = /new URL\(\s*(['"])(\.{1,2}\/[^'"]+)\1,\s*import\.meta\.url\s*\)/g

/** The modules under `src` that are loaded by URL (workers), each an entry of its own: `{ 'pool-worker': 'src/pool/worker.ts' }`. */
export function urlEntries(src: string): Record<string, string> {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter(isSource)
  const modules = files.flatMap((file) => {
    const path = resolve(src, file)
    return [...readFileSync(path, 'utf8').matchAll(ASSET_URL)].map((match) => resolve(dirname(path), match[2]!))
  })
  return Object.fromEntries(
    modules
      .filter((path) => isSource(path) && existsSync(path))
      .map((path) => [outputName(src, path), relative('.', path)]),
  )
}

/**
 * Rewrites URLs that are relative to a source file to be relative to `dist`, where every output file lies.
 * Modules become their built file; other files are named where they are, so they belong outside `src` and into the
 * package's `files`. Entries in `bins` get a shebang.
 */
export function assetUrls({ bins }: { bins: string[] }): Plugin {
  return {
    name: 'asset-urls',
    setup(build) {
      const src = resolve('src')
      const inSrc = (path: string) => path.startsWith(src + sep)
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        if (!inSrc(path)) return undefined
        const source = readFileSync(path, 'utf8')
        const errors: { text: string }[] = []
        const contents = source.replaceAll(ASSET_URL, (_, __, url: string) => {
          const target = resolve(dirname(path), url)
          if (isSource(target)) return urlTo(`./${outputName(src, target)}.js`)
          if (inSrc(target))
            errors.push({ text: `${relative('.', path)}: ${url} would not be published; move it out of src` })
          return urlTo(relative('dist', target) + (url.endsWith('/') ? '/' : ''))
        })
        const shebang = bins.includes(relative('.', path)) && !source.startsWith('#!') ? '#!/usr/bin/env node\n' : ''
        return { contents: shebang + contents, loader: 'ts', errors }
      })
    },
  }
}

const urlTo = (path: string) => `new URL('${path}', import.meta.url)`

const isSource = (path: string) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('.d.ts')

const outputName = (src: string, path: string) => relative(src, path).replace(/\.ts$/, '').replaceAll(sep, '-')
