import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LanguageModel } from '@stemkit/spec/language-model'

export interface CompletionsServer extends AsyncDisposable {
  readonly url: string
  /** Bodies of the requests that were answered. */
  readonly served: Record<string, unknown>[]
  /** What becomes of coming requests instead of an answer, one after the other. */
  readonly faults: Fault[]
}

/** `drop`: the connection ends in the middle of an answer. */
export type Fault =
  | 'drop'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly message?: string }

export interface CompletionsServerOptions {
  /** What /models says of its length; without it, there is no such path. */
  readonly maxLength?: number
  /** Refuses to make no token at all. */
  readonly insistsOnOne?: boolean
  /** Gives no log-probabilities of prompts. */
  readonly isSilent?: boolean
  /** Puts a BOS before token ids, too. */
  readonly addsBos?: boolean
  /** Counts places in texts by characters, not by UTF-16 units. */
  readonly countsCharacters?: boolean
  readonly apiKey?: string
}

/** Serves a language model by the completions API, over HTTP. */
export async function serveCompletions(
  model: LanguageModel,
  options: CompletionsServerOptions = {},
): Promise<CompletionsServer> {
  const served: Record<string, unknown>[] = []
  const faults: Fault[] = []
  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      send(response, 400, { error: { message: String((error as Error).message) } })
    })
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
      return send(response, 401, { error: { message: 'no such key' } })
    }
    if (request.url === '/v1/models') {
      if (options.maxLength === undefined) return send(response, 404, {})
      return send(response, 200, { data: [{ id: 'bigrams', max_model_len: options.maxLength }] })
    }
    const fault = faults.shift()
    if (fault === 'drop') {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"choices": [')
      setTimeout(() => response.destroy(), 5)
      return
    }
    if (fault) {
      return send(response, fault.status, { error: { message: fault.message ?? 'not now' } }, fault.headers)
    }
    const given = JSON.parse(body) as Record<string, unknown>
    const choices = await answer(given)
    served.push(given)
    send(response, 200, { choices: choices.toReversed() })
  }

  async function answer(given: Record<string, unknown>): Promise<object[]> {
    const { prompt, max_tokens: maxTokens, echo, stop } = given as unknown as Given
    if (maxTokens === 0 && options.insistsOnOne) throw new Error('max_tokens must be at least 1')
    const prompts = typeof prompt === 'string' ? [prompt] : prompt
    const tokens = await Promise.all(
      prompts.map(async (each) => {
        if (typeof each === 'string') return model.encode(each, { addSpecial: true })
        return options.addsBos ? [model.startToken!, ...each] : [...each]
      }),
    )
    if (!echo) {
      const made = model.generate(tokens.map((each) => ({ prompt: each, maxTokens, ...(stop && { stop }) })))
      return (await Array.fromAsync(made)).map(({ index, text }) => ({ index, text }))
    }
    return Promise.all(tokens.map((each, index) => echoed(each, index, maxTokens)))
  }

  async function echoed(prompt: readonly number[], index: number, maxTokens: number): Promise<object> {
    const made = maxTokens === 0 ? [] : (await Array.fromAsync(model.generate([{ prompt, maxTokens }])))[0]!.tokens
    const all = [...prompt, ...made]
    const places = all.map((_, i) => i).slice(1)
    const own = await Array.fromAsync(
      model.score(places.map((i) => ({ context: all.slice(0, i), continuation: [all[i]!] }))),
    )
    const best = await Array.fromAsync(model.generate(places.map((i) => ({ prompt: all.slice(0, i), maxTokens: 1 }))))
    const top = await Array.fromAsync(
      model.score(places.map((i, n) => ({ context: all.slice(0, i), continuation: best[n]!.tokens }))),
    )
    const decoder = new TextDecoder()
    const texts = all.map((token) => (token < 256 ? decoder.decode(Uint8Array.of(token), { stream: true }) : ''))
    const length = (text: string): number => (options.countsCharacters ? [...text].length : text.length)
    let offset = 0
    return {
      index,
      text: await model.decode(all),
      logprobs: options.isSilent
        ? null
        : {
            tokens: texts,
            token_logprobs: [null, ...own.map(({ logprobs }) => logprobs[0])],
            top_logprobs: [null, ...top.map(({ logprobs }) => ({ best: logprobs[0] }))],
            text_offset: texts.map((text) => (offset += length(text)) - length(text)),
          },
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1`,
    served,
    faults,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Given {
  readonly prompt: string | readonly (string | readonly number[])[]
  readonly max_tokens: number
  readonly echo?: boolean
  readonly stop?: readonly string[]
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
