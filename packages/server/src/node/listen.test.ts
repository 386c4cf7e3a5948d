import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { createServer } from '../create-server.ts'
import { listen } from '../node.ts'

const server = createServer({ models: {} })

describe('a port', () => {
  test('is where requests are answered until it is closed', async () => {
    const { url, port, close } = await listen({ server, port: 0 })
    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    expect(await close()).toBe(0)
    await expect(fetch(`${url}/health`)).rejects.toThrow()
  })

  test('that is taken is said to be', async () => {
    const other = createHttpServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    await expect(listen({ server, port })).rejects.toMatchObject({
      code: 'io',
      message: `server: cannot listen on 127.0.0.1 port ${port}: something else listens there; choose another --port`,
    })
    other.close()
  })

  test.each([65_536, -1, 1.5, Number.NaN])('cannot be %d', async (port) => {
    const message = `server: the port is ${port}, but must be a whole number in 0..65535`
    await expect(listen({ server, port })).rejects.toMatchObject({ code: 'bad-input', message })
  })
})
