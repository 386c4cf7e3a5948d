import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import process from 'node:process'

/** Version of this contract. */
export const PROCESSES_VERSION = 1

/** A process, so that another one can tell whether it is still there. Empty where the system does not say. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** The start of the machine that it runs on. */
  readonly boot: string
  /** Whose process numbers it has: containers of one machine have their own. */
  readonly space: string
  /** When it was started, in ticks since `boot`: numbers of processes are used again. */
  readonly start: string
}

/** 'elsewhere': where nothing can be said about it from here. */
export type ProcessState = 'alive' | 'dead' | 'elsewhere'

/** The processes of this machine; tests play several machines. */
export interface Processes {
  self(): ProcessIdentity
  stateOf(identity: ProcessIdentity): ProcessState
}

/** Those of the system that Node runs on. Whether a process is another one of the same number only Linux says. */
export const nodeProcesses: Processes = {
  self: () => self,
  stateOf(other) {
    if (other.host !== self.host) return 'elsewhere'
    // Nothing outlives a restart.
    if (other.boot !== self.boot) return 'dead'
    if (other.space !== self.space) return 'elsewhere'
    if (!isThere(other.pid)) return 'dead'
    const stat = processStat(other.pid)
    if (stat === undefined || other.start === '') return 'alive'
    return stat.ended || stat.start !== other.start ? 'dead' : 'alive'
  },
}

const self: ProcessIdentity = {
  pid: process.pid,
  host: hostname(),
  boot: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
  space: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
  start: processStat(process.pid)?.start ?? '',
}

function orEmpty(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it is there, and not ours.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Fields 3, 20 and 22 of /proc/PID/stat, after the name in parentheses, which may hold anything. */
function processStat(pid: number): { start: string; ended: boolean } | undefined {
  const text = orEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, threads, start] = [fields[0], fields[17], fields[19]]
  if (state === undefined || threads === undefined || start === undefined) return undefined
  // A dead process that nobody has waited for keeps its number; its last thread may still be writing.
  return { start, ended: (state === 'Z' || state === 'X') && Number(threads) <= 1 }
}
