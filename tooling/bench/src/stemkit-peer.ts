import { fileURLToPath } from 'node:url'
import { StemkitError } from '@stemkit/spec/errors'
import { startPeer, type Peer } from './process-peer.ts'

const SCRIPT = fileURLToPath(new URL('./stemkit-step.ts', import.meta.url))

/** Starts a process in which stemkit trains the model of a task, alone with its memory as the others are. */
export function startStemkitPeer({ task, signal }: { task: string; signal?: AbortSignal }): Promise<Peer> {
  const explain = (failure: Error | undefined, complaint: string): Error =>
    new StemkitError('io', `the stemkit process ended: ${complaint.trim() || failure?.message || 'it said nothing'}`)
  return startPeer({ command: process.execPath, args: [SCRIPT, task], env: process.env, explain, signal })
}
