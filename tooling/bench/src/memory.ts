import { readFileSync } from 'node:fs'

/** Bytes of anonymous memory (no files, no libraries) that a process holds in RAM; undefined where /proc does not tell. */
export const anonymousMemory = (pid: number): number | undefined => residentMemory(pid, 'RssAnon')

/** The same for what is mapped from files. */
export const fileMemory = (pid: number): number | undefined => residentMemory(pid, 'RssFile')

function residentMemory(pid: number, kind: 'RssAnon' | 'RssFile'): number | undefined {
  try {
    const found = new RegExp(`^${kind}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found ? Number(found[1]) * 1024 : undefined
  } catch {
    return undefined
  }
}

/** The most anonymous memory that a process held while `work` was under way, looked at every 5 ms. */
export async function peakMemory(pid: number, work: () => Promise<unknown>): Promise<number | undefined> {
  let peak = anonymousMemory(pid)
  const look = (): void => {
    const now = anonymousMemory(pid)
    if (now !== undefined) peak = Math.max(peak ?? 0, now)
  }
  const timer = setInterval(look, 5)
  try {
    await work()
    look()
  } finally {
    clearInterval(timer)
  }
  return peak
}
