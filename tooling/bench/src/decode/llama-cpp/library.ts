import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import koffi from 'koffi'
import { StemkitError } from '@stemkit/spec/errors'
import {
  BACKEND_FUNCTIONS,
  BASE_FUNCTIONS,
  BATCH,
  CONTEXT_PARAMS,
  GGML_FUNCTIONS,
  LLAMA_FUNCTIONS,
  MODEL_PARAMS,
  RELEASE,
} from './signatures.ts'

export type Pointer = bigint
type Argument = Pointer | number | string | boolean | null | object
type NativeFunction = (...args: Argument[]) => unknown
type Functions<Names extends string> = Readonly<Record<Names, NativeFunction>>

export interface LlamaCpp {
  readonly version: string
  /** The backend that was chosen for this processor, such as `haswell` or `zen4`. */
  readonly variant: string
  readonly api: Functions<keyof typeof BASE_FUNCTIONS | keyof typeof BACKEND_FUNCTIONS | keyof typeof LLAMA_FUNCTIONS>
}

/** Kept for the life of the process: a collected handle would unload the library under its users. */
const kept: unknown[] = []

/**
 * llama.cpp's own library, the one inside node-llama-cpp's package for this platform, and its backend for this processor.
 * To be called once in a process.
 * @throws unsupported where there is no such package, or its release is not the one whose structures are known
 */
export async function loadLlamaCpp(): Promise<LlamaCpp> {
  const folder = await libraryFolder()
  koffi.struct('llama_model_params', MODEL_PARAMS)
  koffi.struct('llama_context_params', CONTEXT_PARAMS)
  koffi.struct('llama_batch', BATCH)
  const llama = bindLibrary(folder, /^libllama\.v.*\.so$/, LLAMA_FUNCTIONS)
  const version = llama.llama_version() as string
  if (version !== RELEASE) {
    throw new StemkitError('unsupported', `llama.cpp ${version}: its structures are known of release ${RELEASE} only`)
  }
  const log = koffi.proto('void log(int level, const char* text, void* data)')
  llama.llama_log_set(
    koffi.register(() => {}, koffi.pointer(log)),
    null,
  )

  const ggml = bindLibrary(folder, /^libggml\.v.*\.so$/, GGML_FUNCTIONS)
  const base = bindLibrary(folder, /^libggml-base\.so$/, BASE_FUNCTIONS)
  ggml.ggml_backend_load_all_from_path(folder)
  llama.llama_backend_init()
  const backend = ggml.ggml_backend_reg_by_name('CPU') as Pointer | null
  if (backend === null) throw new StemkitError('unsupported', `llama.cpp: no backend in ${folder} suits this processor`)
  const ofBackend = bind(BACKEND_FUNCTIONS, (name, signature) => {
    const found = base.ggml_backend_reg_get_proc_address(backend, name) as Pointer
    return koffi.decode(found, koffi.proto(signature)) as NativeFunction
  })
  return { version, variant: loadedVariant(), api: { ...base, ...ofBackend, ...llama } }
}

function bindLibrary<Name extends string>(folder: string, file: RegExp, signatures: Readonly<Record<Name, string>>) {
  const name = readdirSync(folder).find((each) => file.test(each))
  if (!name) throw new StemkitError('unsupported', `llama.cpp: ${folder} has no library ${file.source}`)
  const library = koffi.load(join(folder, name))
  kept.push(library)
  return bind(signatures, (_, signature) => library.func(signature) as NativeFunction)
}

function bind<Name extends string>(
  signatures: Readonly<Record<Name, string>>,
  load: (name: string, signature: string) => NativeFunction,
): Functions<Name> {
  const entries = Object.entries<string>(signatures).map(([name, signature]) => [name, load(name, signature)])
  return Object.fromEntries(entries) as Functions<Name>
}

/** The package has a module that tells where its libraries are. */
async function libraryFolder(): Promise<string> {
  const platform = `${process.platform}-${process.arch}`
  const name = `@node-llama-cpp/${platform}`
  try {
    const { getBinsDir } = (await import(name)) as { getBinsDir(): { binsDir: string } }
    return join(getBinsDir().binsDir, platform)
  } catch (error) {
    throw new StemkitError('unsupported', `llama.cpp: ${name} is not installed, or not there for this platform`, {
      cause: error,
    })
  }
}

/** Which of the backends is in this process's memory. */
function loadedVariant(): string {
  return /libggml-cpu-([a-z0-9_.-]+)\.so/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[1] ?? 'unknown'
}
