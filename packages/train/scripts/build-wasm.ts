// Compiles assembly/optimizer.ts and writes generated/optimizer-wasm.ts: the module in base64, for shared memory and for
// memory that is not. As text in a module it goes through every bundler, and nothing has to be found at run time.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { main } from 'assemblyscript/asc'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = 'assembly/optimizer.ts'
const options = ['--importMemory', '--runtime', 'stub', '-O3', '--converge', '--noAssert', '--enable', 'simd']
const sharing = ['--sharedMemory', '--maximumMemory', '65536', '--enable', 'threads']

async function compile(flags: readonly string[]): Promise<string> {
  let wasm: string | Uint8Array = ''
  const { error, stderr } = await main([source, '--outFile', 'optimizer.wasm', ...options, ...flags], {
    readFile: (name) => (name === source ? readFileSync(root + source, 'utf8') : null),
    writeFile: (_name, contents) => {
      wasm = contents
    },
    listFiles: () => [],
  })
  if (error) throw new Error(`${source} does not compile: ${stderr.toString()}`, { cause: error })
  return Buffer.from(wasm).toString('base64')
}

const modules = { sharedModule: await compile(sharing), plainModule: await compile([]) }
mkdirSync(`${root}generated`, { recursive: true })
writeFileSync(
  `${root}generated/optimizer-wasm.ts`,
  Object.entries(modules)
    .map(([name, base64]) => `export const ${name}: string = '${base64}'\n`)
    .join(''),
)
