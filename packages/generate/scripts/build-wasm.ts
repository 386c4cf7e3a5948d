import { fileURLToPath } from 'node:url'
import { buildWasm } from '../../../tooling/build/build-wasm.ts'

await buildWasm(fileURLToPath(new URL('..', import.meta.url)), 'step', [
  '--enable',
  'threads',
  '--enable',
  'relaxed-simd',
])
