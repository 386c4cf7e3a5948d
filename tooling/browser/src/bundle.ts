import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The script of a page with all that it imports. It fails on anything that only Node has. */
export async function bundle(module: string, { minify = false } = {}): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(module)],
    bundle: true,
    write: false,
    minify,
    platform: 'browser',
    format: 'esm',
    target: 'es2024',
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}
