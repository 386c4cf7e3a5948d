import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeBenchModel } from '@stemkit/bench/decode-model'
import { TWINS } from '@stemkit/bench/decode-twin'
import { Command, CommanderError } from 'commander'
import { runClient } from './client.ts'
import { startServer } from './server-process.ts'
import { writeSmallModel } from './small-model.ts'
import { summarize, type LoadSummary, type Quantiles } from './summary.ts'

interface Options {
  readonly model?: string
  readonly benchModel?: boolean
  readonly clients: string
  readonly seconds: string
  readonly maxTokens: string
  readonly lengths: string
  readonly slots: string
  readonly serve?: readonly string[]
  readonly json?: boolean
}

const program = new Command('load').description('Puts a server under load, on the same cores.').exitOverride()
program
  .command('serve')
  .description('many clients that stream from `stem serve` at once')
  .option('--model <folder>', 'what to serve (default: a small model with random weights)')
  .option('--bench-model', 'the STEM model of `bench decode` in 4 bits, its tables in a file (2 GB on the disk)')
  .option('--clients <n>', 'how many at once', '200')
  .option('--seconds <n>', 'for how long', '300')
  .option('--max-tokens <n>', 'tokens of each answer', '64')
  .option('--lengths <list>', 'tokens of the prompts, in turn', '16,64,128,256')
  .option('--slots <n>', 'texts that are made at once', '16')
  .option('--serve <option...>', 'further options for stem serve, as in --serve=--store=file:./rows')
  .option('--json', 'one JSON object on stdout')
  .action(async (options: Options) => {
    const folder = await mkdtemp(join(tmpdir(), 'stemkit-load-'))
    try {
      if (options.benchModel) await writeBenchModel(folder, TWINS.stem)
      else if (options.model === undefined) await writeSmallModel(folder)
      const summary = await underLoad(options.model ?? folder, options)
      process.stdout.write(`${options.json ? JSON.stringify(summary) : format(summary)}\n`)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

async function underLoad(model: string, options: Options): Promise<LoadSummary & { readonly exitCode: number | null }> {
  const [clients, seconds] = [Number(options.clients), Number(options.seconds)]
  const lengths = options.lengths.split(',').map(Number)
  const server = await startServer(model, ['--slots', options.slots, ...(options.serve ?? [])])
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  const memory: number[] = []
  const watch = setInterval(
    () =>
      void residentBytes(server.url).then(
        (bytes) => memory.push(bytes),
        () => {},
      ),
    1000,
  )
  const started = performance.now()
  const records = await Promise.all(
    Array.from({ length: clients }, (_, offset) =>
      runClient({
        url: server.url,
        seconds,
        lengths,
        offset,
        maxTokens: Number(options.maxTokens),
        signal: controller.signal,
      }),
    ),
  )
  clearInterval(watch)
  const took = (performance.now() - started) / 1000
  return { ...summarize(records, took, memory), exitCode: await server.stop() }
}

async function residentBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1])
}

function format({ timeToFirstToken, interTokenLatency, memory, errors, ...rest }: LoadSummary): string {
  const inMs = ({ p50, p95, p99 }: Quantiles): string =>
    [p50, p95, p99].map((each) => `${each.toFixed(1)} ms`).join(' / ')
  return [
    `${rest.clients} clients for ${rest.seconds.toFixed(0)} s: ${rest.requests} answers, ${rest.tokensPerSecond.toFixed(0)} tokens/s`,
    `time to first token (p50/p95/p99): ${inMs(timeToFirstToken)}`,
    `between tokens (p50/p95/p99): ${inMs(interTokenLatency)}`,
    `most over least tokens of a client: ${rest.unfairness.toFixed(2)}`,
    `memory of the server: ${memory.warm} MiB warm, ${memory.end} MiB at the end, ${memory.most} MiB at most`,
    `errors: ${Object.keys(errors).length === 0 ? 'none' : JSON.stringify(errors)}`,
  ].join('\n')
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : 1
  if (!(error instanceof CommanderError)) process.stderr.write(`load: ${(error as Error).message}\n`)
}
