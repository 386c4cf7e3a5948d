import { StemkitError } from '@stemkit/spec/errors'
import { fromFloat32, toFloat32 } from '@stemkit/weights'
import { openSafetensors, saveSafetensors } from '@stemkit/weights/node'
import type { NamedArray } from '../trainer.ts'

/** Writes float32 arrays as a safetensors file, from where they lie. Throws `io`. */
export async function writeArrays(path: string, arrays: Iterable<readonly [string, NamedArray]>): Promise<void> {
  await saveSafetensors(path, new Map([...arrays].map(([name, { data, shape }]) => [name, fromFloat32(data, shape)])))
}

/** Reads them back. Throws `not-found`, `io`, or `corrupt` for anything but whole float32 tensors. */
export async function readArrays(path: string, signal?: AbortSignal): Promise<Map<string, NamedArray>> {
  const options = signal ? { signal } : {}
  const file = await openSafetensors(path, options)
  try {
    const arrays = new Map<string, NamedArray>()
    for (const [name, { dtype, shape }] of file.tensors) {
      if (dtype !== 'F32') throw new StemkitError('corrupt', `${path}: ${name} is ${dtype}, a checkpoint holds F32`)
      arrays.set(name, { shape, data: toFloat32(await file.read(name, options)) })
    }
    return arrays
  } finally {
    await file.dispose()
  }
}
