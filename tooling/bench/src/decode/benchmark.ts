import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { describeMachine, type BenchmarkOptions, type Report } from '../report.ts'
import type { DecodeFormat, DecodeSide, Opened, Work } from './decode-side.ts'
import type { GgufType } from './gguf/encode-weights.ts'
import { writeLlamaModel } from './gguf/llama-model.ts'
import { startLlamaCpp } from './llama-cpp/side.ts'
import { measureSections, sectionsOf, type Contestant, type Contestants } from './measure.ts'
import { measureMemoryBandwidth } from './memory-bandwidth.ts'
import { decodeResults, denseStepBytes } from './metrics.ts'
import { measurePerplexity, type PackedPerplexity } from './perplexity.ts'
import { startStemkit } from './stemkit/side.ts'
import { randomWeight, TWINS } from './twin.ts'

const SEED = 5
/** Of each format: the type in a GGUF file, and its bits a weight. */
const PEER_FORMATS: Readonly<Partial<Record<DecodeFormat, { type: GgufType; bits: number }>>> = {
  q4: { type: 'Q4_0', bits: 4.5 },
  q8: { type: 'Q8_0', bits: 8.5 },
  f16: { type: 'F16', bits: 16 },
}

/**
 * Tokens a second of prefill and greedy decode, one token at a time for 1, 4 and 16 sequences, against llama.cpp on the
 * dense twin of the same shape; each side in a process of its own, paused while another is timed, with the threads and
 * settings that are fastest for it.
 */
export async function run(options: BenchmarkOptions): Promise<Report> {
  await using opened = new AsyncDisposableStack()
  const missing: Record<string, string> = {}
  const llamacpp = await openLlamaCpp(opened, options).catch((error: unknown) => {
    if (!StemkitError.isInstance(error) || error.code !== 'unsupported') throw error
    options.progress((missing['llama.cpp'] = error.message))
    return undefined
  })
  const formats = formatsOf(options)
  const stem = { side: await openStemkit(opened, 'stem', options), formats }
  const dense = { side: await openStemkit(opened, 'dense', options), formats }
  const contestants: Contestants = { stem, dense, ...(llamacpp && { llamacpp }) }
  const bandwidth = await measureMemoryBandwidth()
  const perplexity = await packedPerplexity(options).catch((error: unknown) => {
    if (!StemkitError.isInstance(error) || error.code !== 'unsupported') throw error
    options.progress((missing['perplexity'] = error.message))
    return undefined
  })
  const measured = await measureSections(contestants, options)
  const peers = {
    ...Object.fromEntries(Object.entries(contestants).map(([name, { side }]) => [name, side.description])),
    settings: Object.fromEntries(
      measured.map(({ section, sides }) => [
        section.name,
        Object.fromEntries(Object.entries(sides).map(([name, one]) => [name, one.opened])),
      ]),
    ),
    ...(perplexity && { perplexity: describePerplexity(perplexity) }),
    ...missing,
  }
  const results = decodeResults(measured, { bandwidth, perplexity })
  return { benchmark: 'decode', machine: describeMachine(peers), results }
}

/** Of the parts that are asked for. */
const formatsOf = (options: BenchmarkOptions): DecodeFormat[] => [
  ...new Set(sectionsOf(options).map(({ work }) => work.format)),
]

/** Of stories260K, or the model and text that `STEMKIT_BENCH_MODEL` and `STEMKIT_BENCH_TEXT` name. */
const packedPerplexity = ({ quick, progress, signal }: BenchmarkOptions): Promise<PackedPerplexity> =>
  measurePerplexity({
    model: process.env['STEMKIT_BENCH_MODEL'],
    text: process.env['STEMKIT_BENCH_TEXT'],
    tokens: quick ? 4096 : 32_768,
    progress,
    signal,
  })

const describePerplexity = ({ model, f32, tokens }: PackedPerplexity): string =>
  `${basename(model)}: ${f32.toFixed(3)} in f32 on ${tokens} tokens; perplexity_q4_vs_f32 is of blocks of up to 128, fitted to other text, with keys and values in int8, as timed`

async function openStemkit(
  opened: AsyncDisposableStack,
  twin: 'stem' | 'dense',
  { signal }: BenchmarkOptions,
): Promise<DecodeSide> {
  const side = opened.adopt(await startStemkit({ twin, signal }), (each) => each.dispose())
  side.pause()
  return side
}

/** llama.cpp with the dense twin in every format, from files that are removed at the end. */
async function openLlamaCpp(opened: AsyncDisposableStack, options: BenchmarkOptions): Promise<Contestant> {
  const { progress, signal } = options
  const folder = opened.adopt(await mkdtemp(join(tmpdir(), 'stemkit-bench-')), (path) => rm(path, { recursive: true }))
  const formats = formatsOf(options).filter((format) => Object.hasOwn(PEER_FORMATS, format))
  const files = Object.fromEntries(formats.map((format) => [format, join(folder, `${format}.gguf`)]))
  const side = opened.adopt(await startLlamaCpp({ files, signal }), (each) => each.dispose())
  side.pause()
  for (const format of formats) {
    signal?.throwIfAborted()
    const { type } = PEER_FORMATS[format]!
    progress(`writing the dense model in ${type}`)
    await writeLlamaModel(files[format]!, TWINS.dense, type, (name) => randomWeight(TWINS.dense, name, SEED))
  }
  return { side: withStepBytes(side), formats }
}

/** llama.cpp keeps keys and values in f16. */
function withStepBytes(side: DecodeSide): DecodeSide {
  const open = async (work: Work): Promise<Opened> => {
    const opened = await side.open(work)
    if (work.kind !== 'decode') return opened
    return { ...opened, bytesPerStep: denseStepBytes(TWINS.dense, work, PEER_FORMATS[work.format]!.bits, 2) }
  }
  return { ...side, open }
}
