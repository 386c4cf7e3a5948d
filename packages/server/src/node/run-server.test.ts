import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { ServedModel } from '../options.ts'
import { runServer } from '../node.ts'
import { expectError } from '../testing/call.ts'
import { tinyModel } from '../testing/tiny-served.ts'

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const http = createHttpServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  await new Promise((resolve) => http.close(resolve))
  return port
}

test('a server has its port before its models, and says that these are being loaded', async () => {
  const model = await tinyModel()
  onTestFinished(() => model.dispose())
  const port = await freePort()
  const controller = new AbortController()
  let loaded!: (models: Record<string, ServedModel>) => void
  const loading = new Promise<Record<string, ServedModel>>((resolve) => (loaded = resolve))
  const onListening = vi.fn()
  const ended = runServer({ port, load: () => loading, signal: controller.signal, onListening })
  const at = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  const health = await vi.waitFor(() => at('/health'))
  expect([health.status, await health.json()]).toEqual([503, { status: 'loading' }])
  expect(await expectError(await at('/v1/models'), 503)).toMatchObject({ code: 'loading', type: 'server_error' })
  expect(onListening).not.toHaveBeenCalled()
  loaded({ tiny: { model } })
  await vi.waitFor(() => expect(onListening).toHaveBeenCalledWith(`http://127.0.0.1:${port}`))
  expect((await at('/health')).status).toBe(200)
  expect((await at('/v1/models')).status).toBe(200)
  controller.abort()
  expect(await ended).toBe(0)
})

test('a port that is taken is told before anything is loaded, and a load that fails gives the port back', async () => {
  const http = createHttpServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  const load = vi.fn(async () => Promise.reject(new Error('no such model')))
  const { signal } = new AbortController()
  await expect(runServer({ port, load, signal })).rejects.toMatchObject({ code: 'io' })
  expect(load).not.toHaveBeenCalled()
  await new Promise((resolve) => http.close(resolve))
  await expect(runServer({ port, load, signal })).rejects.toThrow('no such model')
  await expect(runServer({ port, load, signal })).rejects.toThrow('no such model')
})
