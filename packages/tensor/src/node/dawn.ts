import { existsSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

export interface DawnOptions {
  /** Take SwiftShader, a Vulkan driver in software, even where there is a GPU. Slow, the same everywhere. */
  readonly software?: boolean
}

/** What came of it: the adapter's name, or why there is none. */
export type DawnResult =
  | { readonly ready: true; readonly adapter: string }
  | { readonly ready: false; readonly reason: string }

const ICD = 'vk_swiftshader_icd.json'
/** Where packages of Chromium and Chrome for Linux put their libraries, SwiftShader among them. */
const BROWSER_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/snap/chromium/current/usr/lib/chromium-browser',
]
/** glibc's flag to keep a library loaded after it is closed; node:os does not list it. */
const RTLD_NODELETE = 0x1000

/**
 * Gives Node a `navigator.gpu`: Dawn from the npm package `webgpu`, on the machine's GPU, or else on the SwiftShader
 * driver that comes with an installed Chromium. Call it before `@tensorflow/tfjs-backend-webgpu` is imported, then
 * `useBackend('webgpu')`. Where something is missing it changes nothing that matters and says what.
 */
export async function setUpDawn({ software = false }: DawnOptions = {}): Promise<DawnResult> {
  const dawn = await importDawn()
  if (dawn === undefined)
    return { ready: false, reason: `the npm package 'webgpu' is not installed or cannot load here` }
  const start = async (): Promise<DawnResult | undefined> => {
    const gpu = dawn.create([])
    const adapter = await gpu.requestAdapter()
    if (adapter === null) return undefined
    Object.assign(globalThis, dawn.globals)
    Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true })
    return { ready: true, adapter: adapter.info.description || adapter.info.vendor }
  }
  if (!software) {
    const hardware = await start()
    if (hardware !== undefined) return hardware
  }
  const folder = BROWSER_FOLDERS.find((candidate) => existsSync(join(candidate, ICD)))
  if (folder === undefined)
    return { ready: false, reason: `no ${ICD} found; install Chromium, which brings SwiftShader` }
  useSwiftShader(folder)
  return (await start()) ?? { ready: false, reason: `SwiftShader in ${folder} gives no WebGPU adapter` }
}

async function importDawn(): Promise<typeof import('webgpu') | undefined> {
  try {
    return await import('webgpu')
  } catch {
    return undefined
  }
}

function useSwiftShader(folder: string): void {
  process.env.VK_ICD_FILENAMES = join(folder, ICD)
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
  // Dawn opens libvulkan.so.1 by name. Chromium brings one; once it is in the process, the name finds it. It is no
  // add-on, so Node complains and closes it, which the flag makes harmless.
  const loader = join(folder, 'libvulkan.so.1')
  if (!existsSync(loader)) return
  try {
    process.dlopen({ exports: {} }, loader, constants.dlopen.RTLD_LAZY | RTLD_NODELETE)
  } catch {
    // Loaded all the same.
  }
}
