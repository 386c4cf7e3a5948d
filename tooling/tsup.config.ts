// The one build preset. A package's published entries say what is built: `./dist/x.js` comes from `src/x.ts`.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'tsup'
import { publishedEntries, type Manifest } from './build/entries.ts'

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
const { exported, bins } = publishedEntries(manifest)

export default defineConfig({
  entry: { ...exported, ...bins },
  format: 'esm',
  target: ['node22', 'es2023'],
  platform: 'neutral',
  // tsup itself leaves dependencies and peers outside; anything else would be bundled.
  external: [/^node:/],
  removeNodeProtocol: false,
  splitting: true,
  sourcemap: true,
  clean: true,
  silent: true,
  tsconfig: fileURLToPath(new URL('../tsconfig.base.json', import.meta.url)),
  dts: Object.keys(exported).length > 0 && { entry: exported },
})
