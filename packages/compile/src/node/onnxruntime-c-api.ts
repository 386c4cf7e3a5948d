import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import type { ElementType } from '../graph.ts'
import type { HostTensor, Runtime, RuntimeSession, SessionOptions } from '../runtime.ts'

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
  CreateAndRegisterAllocator: [144, 'void* CreateAndRegisterAllocator(void* env, void* info, void* arena)'],
  CreateArenaCfg: [
    156,
    'void* CreateArenaCfg(size_t most, int strategy, int initialChunk, int deadBytes, _Out_ void** arena)',
  ],
  ReleaseArenaCfg: [157, 'void ReleaseArenaCfg(void* arena)'],
  AddSessionConfigEntry: [130, 'void* AddSessionConfigEntry(void* options, const char* key, const char* value)'],
} as const

const elementTypes: Record<ElementType, number> = { float32: 1, int32: 6, int64: 7, bool: 9 }

type Pointer = bigint
type Argument = Pointer | number | string | null | ArrayBufferView | [Pointer | null]
interface NativeFunction {
  (...args: Argument[]): unknown
  async(...args: [...Argument[], (error: unknown, result: unknown) => void]): void
}
type Api = Record<keyof typeof slots, NativeFunction>

interface Native {
  readonly api: Api
  readonly env: Pointer
  readonly memoryInfo: Pointer
  address(view: ArrayBufferView): Pointer
  /** Kept for the life of the process: a collected handle would unload the library. */
  readonly library: unknown
}

let native: Native | undefined

/**
 * ONNX Runtime through its C API, on the library inside `onnxruntime-node`'s package: nothing is copied,
 * the JavaScript thread stays free while a graph runs, and a run can be cancelled.
 * @throws StemkitError 'unsupported' where `koffi` or the library cannot be loaded
 */
export function onnxRuntimeCApi(): Runtime {
  native ??= loadNative()
  const loaded = native
  return { name: 'onnxruntime (C API)', createSession: (model, options) => createSession(loaded, model, options) }
}

function loadNative(): Native {
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
function check(api: Api, status: unknown): void {
  if (status === null) return
  const message = api.GetErrorMessage(status as Pointer) as string
  api.ReleaseStatus(status as Pointer)
  throw new StemkitError('unsupported', `ONNX Runtime: ${message.split('\n')[0]}`)
}

function made(api: Api, create: (out: [Pointer | null]) => unknown): Pointer {
  const out: [Pointer | null] = [null]
  check(api, create(out))
  return out[0]!
}

const called = (fn: NativeFunction, ...args: Argument[]): Promise<unknown> =>
  new Promise((resolve, reject) => {
    fn.async(...args, (error, result) => (error ? reject(error) : resolve(result)))
  })

async function createSession(loaded: Native, model: Uint8Array, options: SessionOptions = {}): Promise<RuntimeSession> {
  const { api } = loaded
  const settings = made(api, (out) => api.CreateSessionOptions(out))
  const slot = new BigUint64Array(1)
  try {
    check(api, api.SetSessionLogSeverityLevel(settings, 3))
    check(api, api.SetSessionGraphOptimizationLevel(settings, 99))
    // Planning memory by pattern costs half a gigabyte at the benchmark's shape and gains no time.
    check(api, api.DisableMemPattern(settings))
    check(api, api.AddSessionConfigEntry(settings, 'session.use_env_allocators', '1'))
    if (options.threads) check(api, api.SetIntraOpNumThreads(settings, options.threads))
    if (options.spin === false) check(api, api.AddSessionConfigEntry(settings, 'session.intra_op.allow_spinning', '0'))
    if (options.profile) check(api, api.EnableProfiling(settings, options.profile))
    const status = await called(api.CreateSessionFromArray, loaded.env, model, model.byteLength, settings, slot)
    check(api, status)
  } finally {
    api.ReleaseSessionOptions(settings)
  }
  return openSession(loaded, slot[0]!)
}

interface Binding {
  readonly data: HostTensor['data']
  readonly shape: string
  readonly value: Pointer
}

function openSession(loaded: Native, session: Pointer): RuntimeSession {
  const { api } = loaded
  const bindings = new Map<string, Binding>()
  let running: Promise<unknown> | undefined
  let disposed = false

  /** The OrtValue over an array; kept while the same array is given under the same name. */
  function bind(name: string, host: HostTensor): Pointer {
    const shape = host.shape.join()
    const bound = bindings.get(name)
    if (bound && bound.data === host.data && bound.shape === shape) return bound.value
    const dims = BigInt64Array.from(host.shape, BigInt)
    const value = made(api, (out) =>
      api.CreateTensorWithDataAsOrtValue(
        loaded.memoryInfo,
        loaded.address(host.data),
        host.data.byteLength,
        dims,
        dims.length,
        elementTypes[host.dtype],
        out,
      ),
    )
    if (bound) api.ReleaseValue(bound.value)
    bindings.set(name, { data: host.data, shape, value })
    return value
  }

  const names = new Map<string, Buffer>()
  function nameOf(name: string): Pointer {
    let bytes = names.get(name)
    if (!bytes) names.set(name, (bytes = Buffer.from(`${name}\0`)))
    return loaded.address(bytes)
  }

  return {
    async run(inputs, outputs, { signal } = {}) {
      if (disposed) throw new StemkitError('bad-input', 'run: this session was disposed')
      if (running) throw new StemkitError('conflict', 'run: a run of this session is under way; await it first')
      signal?.throwIfAborted()
      const pointers = (record: Readonly<Record<string, HostTensor>>): [BigUint64Array, BigUint64Array] => {
        const entries = Object.entries(record)
        return [
          BigUint64Array.from(entries, ([name]) => nameOf(name)),
          BigUint64Array.from(entries, ([name, host]) => bind(name, host)),
        ]
      }
      const [inputNames, inputValues] = pointers(inputs)
      const [outputNames, outputValues] = pointers(outputs)
      const settings = made(api, (out) => api.CreateRunOptions(out))
      const stop = (): void => void api.RunOptionsSetTerminate(settings)
      signal?.addEventListener('abort', stop, { once: true })
      try {
        running = called(
          api.Run,
          session,
          settings,
          inputNames,
          inputValues,
          inputNames.length,
          outputNames,
          outputNames.length,
          outputValues,
        )
        const status = await running
        if (signal?.aborted) {
          if (status !== null) api.ReleaseStatus(status as Pointer)
          signal.throwIfAborted()
        }
        check(api, status)
      } finally {
        running = undefined
        signal?.removeEventListener('abort', stop)
        api.ReleaseRunOptions(settings)
      }
    },
    async dispose() {
      if (disposed) return
      disposed = true
      await running?.catch(() => {})
      for (const { value } of bindings.values()) api.ReleaseValue(value)
      bindings.clear()
      api.ReleaseSession(session)
    },
  }
}
