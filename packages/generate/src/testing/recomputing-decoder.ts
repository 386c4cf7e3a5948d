import type { Arrays, Engine, Program } from '@stemkit/compile'
import { listWeights, tokenExperts } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Chunk, Decoder } from '../decoder/decoder.ts'
import { forwardInputs, logitsGraph } from '../forward.ts'
import { floatsOf } from '../floats-of.ts'
import type { CreateModelOptions } from '../model.ts'
import type { TableRows } from '../table-rows.ts'

export interface RecomputingDecoderOptions extends Pick<CreateModelOptions, 'config' | 'weights' | 'custom'> {
  readonly engine: Engine
  /** Tables of chunks that name none. */
  readonly rows: TableRows
  readonly slots: number
  readonly maxLength: number
}

/**
 * Keeps nothing but tokens, and computes all of a sequence for each step: what every other decoder has to agree with.
 */
export async function recomputingDecoder(options: RecomputingDecoderOptions): Promise<Decoder> {
  const { config, weights, custom, engine, slots, maxLength } = options
  const parameters: Arrays = {}
  for (const [name, { role }] of listWeights(config, custom)) {
    if (role !== 'table') parameters[name] = floatsOf(weights.get(name)!)
  }
  const program: Program = await engine.load(logitsGraph(options), forwardInputs(options))
  const held = Array.from({ length: slots }, (): Int32Array => new Int32Array(0))

  const check = ({ slot, start, ids }: Chunk): void => {
    const tokens = held[slot]
    if (tokens && start >= 0 && start <= tokens.length && ids.length > 0 && start + ids.length <= maxLength) return
    throw new StemkitError(
      'bad-input',
      `decoder: ${ids.length} tokens at ${start} of slot ${slot} do not fit: it holds ${tokens?.length} of ${maxLength}`,
    )
  }

  const logitsOf = async (
    ids: Int32Array,
    count: number,
    rows: TableRows,
    signal?: AbortSignal,
  ): Promise<Float32Array> => {
    const { inverse, blocks } = await rows.gather(ids, { signal })
    const feeds = {
      ids,
      positions: ids.map((_, i) => i),
      inverse,
      tokenExperts: tokenExperts(config, ids),
      at: Int32Array.from({ length: count }, (_, i) => ids.length - count + i),
      ...blocks,
      ...parameters,
    }
    const { logits } = await program.run(feeds, signal ? { signal } : {})
    return logits as Float32Array
  }

  return {
    slots,
    maxLength,
    async run(chunks, { signal } = {}) {
      chunks.forEach(check)
      const results: Float32Array[] = []
      const read: Int32Array[] = []
      for (const { slot, start, ids, asked, rows = options.rows } of chunks) {
        // An engine may compute without a pause, and others want to be heard.
        await new Promise((resolve) => setTimeout(resolve))
        signal?.throwIfAborted()
        const all = new Int32Array(start + ids.length)
        all.set(held[slot]!.subarray(0, start))
        all.set(ids, start)
        read.push(all)
        const count = asked === 'all' ? ids.length : asked === 'last' ? 1 : 0
        results.push(count > 0 ? await logitsOf(all, count, rows, signal) : new Float32Array(0))
      }
      chunks.forEach(({ slot }, i) => (held[slot] = read[i]!))
      return results
    },
    copy(from, to, length) {
      held[to] = held[from]!.slice(0, length)
    },
    dispose: () => program.dispose(),
  }
}
