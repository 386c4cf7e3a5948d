import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { buildWasm } from './build-wasm.ts'

const folder = mkdtempSync(join(tmpdir(), 'stemkit-wasm-'))
afterAll(() => rmSync(folder, { recursive: true }))

mkdirSync(join(folder, 'assembly'))
const write = (name: string, text: string) => writeFileSync(join(folder, `assembly/${name}.ts`), text)

test('compiles a module for shared memory and one for memory that is not, imports of its own folder included', async () => {
  write('twice', 'export function twice(x: f32): f32 { return x * 2 }')
  write(
    'step',
    `import { twice } from './twice'\nexport function put(at: usize, x: f32): void { store<f32>(at, twice(x)) }`,
  )
  await buildWasm(folder, 'step')
  const modules = (await import(pathToFileURL(join(folder, 'generated/step-wasm.ts')).href)) as Record<string, string>
  for (const [name, shared] of [
    ['sharedModule', true],
    ['plainModule', false],
  ] as const) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared })
    const { instance } = await WebAssembly.instantiate(Buffer.from(modules[name]!, 'base64'), { env: { memory } })
    ;(instance.exports['put'] as (at: number, x: number) => void)(4, 21)
    expect(new Float32Array(memory.buffer, 4, 1)[0]).toBe(42)
  }
})

test('takes further flags of the compiler', async () => {
  write('relaxed', 'export function f(x: v128): i32 { return i32x4.extract_lane(f32x4.relaxed_madd(x, x, x), 0) }')
  await expect(buildWasm(folder, 'relaxed')).rejects.toThrow("Feature 'relaxed-simd' is not enabled")
  await buildWasm(folder, 'relaxed', ['--enable', 'relaxed-simd'])
})

test('says where a source is wrong', async () => {
  write('wrong', 'export function f(): f32 { return nothing }')
  await expect(buildWasm(folder, 'wrong')).rejects.toThrow(/assembly\/wrong\.ts does not compile: .*'nothing'/s)
})
