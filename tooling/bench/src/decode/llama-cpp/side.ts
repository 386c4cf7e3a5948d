import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { startPeer } from '../../process-peer.ts'
import type { DecodeFormat, DecodeSide } from '../decode-side.ts'

const SCRIPT = fileURLToPath(new URL('./process.ts', import.meta.url))

export interface LlamaCppSide extends DecodeSide {
  /** The logits [V] that follow these tokens, by the model of the first file. */
  logits(tokens: readonly number[]): Promise<number[]>
}

export interface LlamaCppOptions {
  /** GGUF files. */
  readonly files: Partial<Readonly<Record<DecodeFormat, string>>>
  /** Ends the process. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts a process in which llama.cpp decodes.
 * @throws unsupported where llama.cpp is not installed; io if the process fails
 */
export async function startLlamaCpp({ files, signal }: LlamaCppOptions): Promise<LlamaCppSide> {
  const args = [SCRIPT, JSON.stringify(files)]
  const peer = await startPeer({ command: process.execPath, args, env: process.env, explain, signal })
  return {
    ...peer,
    open: (work) => peer.ask(`open ${JSON.stringify(work)}`),
    run: async () => (await peer.ask<{ milliseconds: number }>('run')).milliseconds,
    logits: (tokens) => peer.ask(`logits ${JSON.stringify(tokens)}`),
  }
}

function explain(failure: Error | undefined, complaint: string): Error {
  const said = /StemkitError: (.*)/.exec(complaint)?.[1] ?? complaint.trim()
  const code = complaint.includes("code: 'unsupported'") ? 'unsupported' : 'io'
  return new StemkitError(code, said || `the llama.cpp process ended: ${failure?.message ?? 'it said nothing'}`)
}
