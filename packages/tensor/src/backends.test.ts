import '@tensorflow/tfjs-backend-cpu'
import { afterEach, expect, test, vi } from 'vitest'
import { env, getBackend, memory, registerBackend, removeBackend, scalar, useBackend } from './index.ts'

afterEach(() => vi.restoreAllMocks())

test('a backend that was not imported is named, with the package to import', async () => {
  await expect(useBackend('webgpu')).rejects.toMatchObject({
    code: 'not-found',
    message: "No tfjs backend 'webgpu' is registered; import its package first, e.g. '@tensorflow/tfjs-backend-webgpu'",
  })
})

test('a backend that cannot start leaves the current one in place', async () => {
  await useBackend('cpu')
  registerBackend('broken', () => {
    throw new Error('no such device')
  })
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  await expect(useBackend('broken')).rejects.toMatchObject({ code: 'unsupported' })
  expect(getBackend()).toBe('cpu')
  removeBackend('broken')
})

test('cpu starts without a greeting, a tensor or a changed flag left behind', async () => {
  const warn = vi.spyOn(console, 'warn')
  await useBackend('cpu')
  scalar(1).dispose()
  expect(warn).not.toHaveBeenCalled()
  expect(memory().numTensors).toBe(0)
  expect(env().getBool('PROD')).toBe(false)
})
