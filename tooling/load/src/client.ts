/** What one client saw. */
export interface ClientRecord {
  /** Milliseconds from sending a request to its first token, a number for each request. */
  readonly firstToken: number[]
  /** Milliseconds between two chunks of one stream. */
  readonly between: number[]
  requests: number
  tokens: number
  /** By kind: a status, or what a connection ended with. */
  readonly errors: Map<string, number>
}

export interface ClientOptions {
  readonly url: string
  readonly seconds: number
  /** Lengths of the prompts, one after the other and again; the same for all clients. */
  readonly lengths: readonly number[]
  /** Where in them to begin. */
  readonly offset: number
  readonly maxTokens: number
  readonly signal: AbortSignal
}

/** One client that streams answer after answer until its time is over; then it leaves, with what it has of the last one. */
export async function runClient(options: ClientOptions): Promise<ClientRecord> {
  const { seconds, lengths, offset } = options
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(seconds * 1000)])
  const record: ClientRecord = { firstToken: [], between: [], requests: 0, tokens: 0, errors: new Map() }
  const end = performance.now() + seconds * 1000
  for (let i = offset; performance.now() < end && !signal.aborted; i++) {
    try {
      const wait = await streamOnce({ ...options, signal }, lengths[i % lengths.length]!, i, record)
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(wait, end - performance.now())))
    } catch (error) {
      if (!signal.aborted) count(record, (error as Error).name)
    }
  }
  return record
}

const count = ({ errors }: ClientRecord, kind: string): void => void errors.set(kind, (errors.get(kind) ?? 0) + 1)

/** Resolves to the milliseconds that the server asks to be left alone. */
async function streamOnce(
  { url, maxTokens, signal }: ClientOptions,
  length: number,
  salt: number,
  record: ClientRecord,
): Promise<number> {
  const sent = performance.now()
  // Ids that every vocabulary has; no two prompts begin alike.
  const prompt = Array.from({ length }, (_, i) => 1 + ((salt * 31 + i * 7 + ((i * salt) % 5)) % 90))
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'model',
      prompt,
      max_tokens: maxTokens,
      stream: true,
      stream_options: { include_usage: true },
    }),
    signal,
  })
  if (!response.ok) {
    await response.text()
    count(record, String(response.status))
    return 1000 * Number(response.headers.get('retry-after') ?? 1)
  }
  let [last, rest] = [0, '']
  let isWhole = false
  let [chunks, tokens] = [0, 0]
  try {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const now = performance.now()
      const events = (rest + text).split('\n\n')
      rest = events.pop()!
      for (const event of events) {
        if (event === 'data: [DONE]') isWhole = true
        else if (event.startsWith('data: {"error"')) count(record, 'error in stream')
        else if (event.includes('"choices":[{')) {
          if (last === 0) record.firstToken.push(now - sent)
          else record.between.push(now - last)
          last = now
          chunks++
        } else tokens = Number(/"completion_tokens":(\d+)/.exec(event)?.[1] ?? 0)
      }
    }
  } finally {
    // An answer that was left has no count of its own.
    record.tokens += tokens || chunks
  }
  if (isWhole) record.requests++
  else count(record, 'stream cut short')
  return 0
}
