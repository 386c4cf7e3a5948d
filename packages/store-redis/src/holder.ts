import { nodeProcesses, type ProcessIdentity } from '@stemkit/spec/processes'

/** Who holds a lock. */
export interface Holder extends ProcessIdentity {
  /** ISO 8601 */
  readonly since: string
}

export const thisHolder = (): Holder => ({ ...nodeProcesses.self(), since: new Date().toISOString() })

/** Whether it is certain that the holder's process has ended. */
export function isDead(holder: Holder): boolean {
  // Machines that share a server may share a name; the start of one is like no other's. Only Linux says it.
  const { boot } = nodeProcesses.self()
  return boot !== '' && holder.boot === boot && nodeProcesses.stateOf(holder) === 'dead'
}

export function parseHolder(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder
  } catch {
    return undefined
  }
}

export const describeHolder = (holder: Holder | undefined): string =>
  holder === undefined ? 'somebody' : `process ${holder.pid} on ${holder.host} since ${holder.since}`
