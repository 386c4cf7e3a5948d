import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** Who holds a lock. */
export interface Holder {
  readonly host: string
  readonly pid: number
  /** ISO 8601 */
  readonly since: string
  /** Where `pid` means a process: this boot of this machine, and its namespace of processes. Undefined where unknown. */
  readonly machine?: string
  /** When the process began, in ticks since the boot: numbers of processes come again. */
  readonly started?: string
}

export function thisHolder(): Holder {
  const machine = machineHere()
  const started = processState(process.pid)?.started
  return {
    host: hostname(),
    pid: process.pid,
    since: new Date().toISOString(),
    ...(machine === undefined || started === undefined ? {} : { machine, started }),
  }
}

/** Whether it is certain that the holder's process has ended. Unknown on other machines, and on systems other than Linux. */
export function isDead({ machine, pid, started }: Holder): boolean {
  if (machine === undefined || machine !== machineHere()) return false
  const state = processState(pid)
  return state === undefined || state.ended || state.started !== started
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

function machineHere(): string | undefined {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return undefined
  }
}

function processState(pid: number): { ended: boolean; started: string } | undefined {
  try {
    // The name of the program, in brackets, may hold spaces and brackets itself.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return { ended: fields[0] === 'Z' || fields[0] === 'X', started: fields[19]! }
  } catch {
    return undefined
  }
}
