import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import type { Malformed } from './broken-bodies.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Sends a request as it is, with what `fetch` would not let through. */
export function sendMalformed(port: number, { method, path, headers, body }: Malformed, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, agent, headers: Object.fromEntries(headers) },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => (text += piece))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

/** Sends bytes that are no HTTP, and waits for what comes back until the server closes. */
export function sendBytes(port: number, bytes: string): Promise<Answer> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    const end = (): void => {
      const [head = '', body = ''] = text.split('\r\n\r\n')
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), body })
      socket.destroy()
    }
    socket.setEncoding('utf8')
    socket.on('data', (piece: string) => {
      text += piece
      const length = /content-length: (\d+)/i.exec(text)?.[1]
      const [, body] = text.split('\r\n\r\n')
      if (length !== undefined && body !== undefined && Buffer.byteLength(body) >= Number(length)) end()
    })
    socket.on('close', end)
    socket.on('error', end)
  })
}

/** Why an answer is not a refusal as it has to be; undefined if it is one. */
export function faultOf({ status, body }: Answer): string | undefined {
  if (status < 400 || status > 499) return `status ${status}`
  try {
    const { error } = JSON.parse(body) as { error: Record<string, unknown> }
    const isText = (value: unknown): boolean => typeof value === 'string'
    const sound =
      isText(error['message']) &&
      error['message'] !== '' &&
      isText(error['type']) &&
      ['param', 'code'].every((key) => error[key] === null || isText(error[key])) &&
      Object.keys(error).length === 4
    return sound ? undefined : `body ${body.slice(0, 200)}`
  } catch {
    return `body ${body.slice(0, 200)}`
  }
}
