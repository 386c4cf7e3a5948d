import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { onnxType } from '../lowering.ts'
import type { HostTensor } from '../runtime.ts'
import { disableTelemetry } from './telemetry.ts'

// ONNX Runtime's C API is a table of function pointers whose order never changes: versions only append.
const API_VERSION = 17
const slots = {
  GetErrorMessage: [2, 'const char* GetErrorMessage(void* status)'],
  CreateEnv: [3, 'void* CreateEnv(int level, const char* id, _Out_ void** env)'],
  CreateSessionFromArray: [
    8,
    'void* CreateSessionFromArray(void* env, void* model, size_t size, void* options, void* session)',
  ],
  Run: [
    9,
    'void* Run(void* session, void* options, void* names, void* values, size_t count, void* outputNames, size_t outputCount, void* outputs)',
  ],
  CreateSessionOptions: [10, 'void* CreateSessionOptions(_Out_ void** options)'],
  EnableProfiling: [14, 'void* EnableProfiling(void* options, const char* prefix)'],
  DisableMemPattern: [17, 'void* DisableMemPattern(void* options)'],
  SetSessionLogSeverityLevel: [22, 'void* SetSessionLogSeverityLevel(void* options, int level)'],
  SetSessionGraphOptimizationLevel: [23, 'void* SetSessionGraphOptimizationLevel(void* options, int level)'],
  SetIntraOpNumThreads: [24, 'void* SetIntraOpNumThreads(void* options, int threads)'],
  CreateRunOptions: [39, 'void* CreateRunOptions(_Out_ void** options)'],
  RunOptionsSetTerminate: [46, 'void* RunOptionsSetTerminate(void* options)'],
  RunOptionsUnsetTerminate: [47, 'void* RunOptionsUnsetTerminate(void* options)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void* CreateTensorWithDataAsOrtValue(void* info, void* data, size_t bytes, void* shape, size_t rank, int type, _Out_ void** value)',
  ],
  CreateCpuMemoryInfo: [69, 'void* CreateCpuMemoryInfo(int allocator, int kind, _Out_ void** info)'],
  ReleaseStatus: [93, 'void ReleaseStatus(void* status)'],
  ReleaseSession: [95, 'void ReleaseSession(void* session)'],
  ReleaseValue: [96, 'void ReleaseValue(void* value)'],
  ReleaseRunOptions: [97, 'void ReleaseRunOptions(void* options)'],
  ReleaseSessionOptions: [100, 'void ReleaseSessionOptions(void* options)'],
  AddInitializer: [150, 'void* AddInitializer(void* options, const char* name, void* value)'],
  CreatePrepackedWeightsContainer: [166, 'void* CreatePrepackedWeightsContainer(_Out_ void** container)'],
  ReleasePrepackedWeightsContainer: [167, 'void ReleasePrepackedWeightsContainer(void* container)'],
  CreateSessionFromArrayWithPrepackedWeightsContainer: [
    169,
    'void* CreateSessionFromArrayWithPrepackedWeightsContainer(void* env, void* model, size_t size, void* options, void* container, void* session)',
  ],
  CreateAndRegisterAllocator: [144, 'void* CreateAndRegisterAllocator(void* env, void* info, void* arena)'],
  CreateArenaCfg: [
    156,
    'void* CreateArenaCfg(size_t most, int strategy, int initialChunk, int deadBytes, _Out_ void** arena)',
  ],
  ReleaseArenaCfg: [157, 'void ReleaseArenaCfg(void* arena)'],
  AddExternalInitializers: [
    210,
    'void* AddExternalInitializers(void* options, void* names, void* values, size_t count)',
  ],
  AddSessionConfigEntry: [130, 'void* AddSessionConfigEntry(void* options, const char* key, const char* value)'],
} as const

export type Pointer = bigint
export type Argument = Pointer | number | string | null | ArrayBufferView | [Pointer | null]
export interface NativeFunction {
  (...args: Argument[]): unknown
  async(...args: [...Argument[], (error: unknown, result: unknown) => void]): void
}
export type Api = Record<keyof typeof slots, NativeFunction>

export interface Native {
  readonly api: Api
  readonly env: Pointer
  readonly memoryInfo: Pointer
  address(view: ArrayBufferView): Pointer
  /** Kept for the life of the process: a collected handle would unload the library. */
  readonly library: unknown
}

let native: Native | undefined

/**
 * ONNX Runtime's C API, on the library inside `onnxruntime-node`'s package; loaded once.
 * @throws StemkitError 'unsupported' where `koffi` or the library cannot be loaded
 */
export const openNative = (): Native => (native ??= loadNative())

function loadNative(): Native {
  disableTelemetry()
  const require = createRequire(import.meta.url)
  try {
    const koffi = require('koffi') as typeof import('koffi')
    const library = koffi.load(libraryPath(require))
    const base = library.func('void* OrtGetApiBase()')() as Pointer
    const getApi = koffi.decode(koffi.decode(base, 'void*'), koffi.proto('void* OrtGetApi(uint32_t version)'))
    const table = getApi(API_VERSION) as Pointer
    const api = Object.fromEntries(
      Object.entries(slots).map(([name, [index, signature]]) => [
        name,
        koffi.decode(koffi.decode(table, index * 8, 'void*'), koffi.proto(signature)) as NativeFunction,
      ]),
    ) as Api
    const env = made(api, (out) => api.CreateEnv(3, 'stemkit', out))
    const memoryInfo = made(api, (out) => api.CreateCpuMemoryInfo(1, 0, out))
    shareArena(api, env, memoryInfo)
    return { api, env, memoryInfo, library, address: (view) => BigInt(koffi.address(view)) }
  } catch (error) {
    throw new StemkitError(
      'unsupported',
      `ONNX Runtime's library cannot be loaded (${(error as Error).message}); install onnxruntime-node and koffi`,
      { cause: error },
    )
  }
}

/**
 * One arena for all sessions, which grows by what is asked for: by itself every session has its own and doubles it, so
 * that a training step at the benchmark's shape holds a tenth more memory than it uses.
 */
function shareArena(api: Api, env: Pointer, memoryInfo: Pointer): void {
  const [anySize, asRequested, byDefault] = [0, 1, -1]
  const arena = made(api, (out) => api.CreateArenaCfg(anySize, asRequested, byDefault, byDefault, out))
  try {
    check(api, api.CreateAndRegisterAllocator(env, memoryInfo, arena))
  } finally {
    api.ReleaseArenaCfg(arena)
  }
}

function libraryPath(require: NodeJS.Require): string {
  const root = dirname(require.resolve('onnxruntime-node/package.json'))
  const names: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'libonnxruntime.so.1',
    darwin: 'libonnxruntime.1.dylib',
    win32: 'onnxruntime.dll',
  }
  return join(root, 'bin', 'napi-v6', process.platform, process.arch, names[process.platform] ?? names.linux!)
}

/** Throws the message of a status that is not null, and releases it. */
export function check(api: Api, status: unknown): void {
  if (status === null) return
  const message = api.GetErrorMessage(status as Pointer) as string
  api.ReleaseStatus(status as Pointer)
  throw new StemkitError('unsupported', `ONNX Runtime: ${message.split('\n')[0]}`)
}

export function made(api: Api, create: (out: [Pointer | null]) => unknown): Pointer {
  const out: [Pointer | null] = [null]
  check(api, create(out))
  return out[0]!
}

export const called = (fn: NativeFunction, ...args: Argument[]): Promise<unknown> =>
  new Promise((resolve, reject) => {
    fn.async(...args, (error, result) => (error ? reject(error) : resolve(result)))
  })

/** An OrtValue over an array, which is not copied: it must outlive the value. */
export function valueOver({ api, memoryInfo, address }: Native, { data, shape, dtype }: HostTensor): Pointer {
  const dims = BigInt64Array.from(shape, BigInt)
  return made(api, (out) =>
    api.CreateTensorWithDataAsOrtValue(
      memoryInfo,
      address(data),
      data.byteLength,
      dims,
      dims.length,
      onnxType[dtype],
      out,
    ),
  )
}
