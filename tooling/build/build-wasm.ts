import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { main } from 'assemblyscript/asc'

const options = ['--importMemory', '--runtime', 'stub', '-O3', '--converge', '--noAssert', '--enable', 'simd']
const sharing = ['--sharedMemory', '--maximumMemory', '65536', '--enable', 'threads']

/**
 * Compiles `assembly/NAME.ts` (AssemblyScript) of a package and writes `generated/NAME-wasm.ts`, which exports the module
 * twice, in base64: `sharedModule` for memory that threads share and `plainModule` for memory that is not. As text in a
 * module it goes through every bundler, and nothing has to be found at run time.
 *
 * `generated/` is not committed. A package's `prepare` script calls this (`scripts/build-wasm.ts`), which `pnpm install` runs,
 * and so do `npm start` and `npm test` whenever a script, a file of `assembly/` or one of this folder has changed
 * (tooling/bootstrap/set-up.mjs). tsup takes what was generated into `dist`, the only thing that is published. The editor
 * wants an `assembly/tsconfig.json` that extends "assemblyscript/std/assembly.json", knip `assembly/*.ts` as an entry.
 *
 * @param folder of the package
 * @param flags further options of asc, such as ['--enable', 'relaxed-simd']
 * @throws if it does not compile, with what asc says
 */
export async function buildWasm(folder: string, name: string, flags: readonly string[] = []): Promise<void> {
  const modules = {
    sharedModule: await compile(folder, name, [...options, ...sharing, ...flags]),
    plainModule: await compile(folder, name, [...options, ...flags]),
  }
  mkdirSync(join(folder, 'generated'), { recursive: true })
  writeFileSync(
    join(folder, `generated/${name}-wasm.ts`),
    Object.entries(modules)
      .map(([key, base64]) => `export const ${key}: string = '${base64}'\n`)
      .join(''),
  )
}

async function compile(folder: string, name: string, flags: readonly string[]): Promise<string> {
  const source = `assembly/${name}.ts`
  let wasm: string | Uint8Array = ''
  const { error, stderr } = await main([source, '--outFile', `${name}.wasm`, ...flags], {
    readFile: (path) => readIn(folder, path),
    writeFile: (_path, contents) => {
      wasm = contents
    },
    listFiles: () => [],
  })
  if (error) throw new Error(`${source} does not compile: ${stderr.toString()}`, { cause: error })
  return Buffer.from(wasm).toString('base64')
}

/** asc tries several places for each import, and takes null for "not here". */
function readIn(folder: string, path: string): string | null {
  try {
    return readFileSync(join(folder, path), 'utf8')
  } catch {
    return null
  }
}
