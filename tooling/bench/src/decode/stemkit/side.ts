import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { startPeer } from '../../process-peer.ts'
import type { DecodeSide } from '../decode-side.ts'
import type { TWINS } from '../twin.ts'

const SCRIPT = fileURLToPath(new URL('./process.ts', import.meta.url))

export interface StemkitOptions {
  readonly twin: keyof typeof TWINS
  /** Ends the process. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts a process in which this library decodes one of the twins.
 * @throws io if the process fails
 */
export async function startStemkit({ twin, signal }: StemkitOptions): Promise<DecodeSide> {
  const explain = (failure: Error | undefined, complaint: string): Error =>
    new StemkitError('io', complaint.trim() || `the ${twin} process ended: ${failure?.message ?? 'it said nothing'}`)
  const peer = await startPeer({ command: process.execPath, args: [SCRIPT, twin], env: process.env, explain, signal })
  return {
    ...peer,
    open: (work) => peer.ask(`open ${JSON.stringify(work)}`),
    run: async () => (await peer.ask<{ milliseconds: number }>('run')).milliseconds,
  }
}
