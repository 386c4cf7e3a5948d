import { spawn } from 'node:child_process'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Call } from './around-rows.ts'

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url))

export type Moment = 'before' | 'during' | 'after'

/** The nth call of a kind. */
export interface Kill {
  readonly call: Call
  readonly nth: number
  readonly moment: Moment
}

export interface WriterOptions {
  readonly url: string
  readonly seed: number
  readonly steps: number
  /** Default: it comes to its end. */
  readonly kill?: Kill
  /** Called where the writer waits for a reader. Lines so far are given. */
  readonly onPin: (lines: readonly string[]) => Promise<void>
  /** Where compiled sources are kept from one process to the next. */
  readonly compileCache: string
}

export interface Ended {
  readonly signal: string | null
  readonly code: number | null
  readonly lines: readonly string[]
  readonly errors: string
}

/** Runs a writer as a process of its own, and kills it as soon as it stands where it shall be killed. */
export async function runWriter({ url, seed, steps, kill, onPin, compileCache }: WriterOptions): Promise<Ended> {
  const args = [WRITER, url, seed, steps, ...(kill ? [kill.call, kill.nth, kill.moment] : [])].map(String)
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache }
  const child = spawn(process.execPath, args, { env, stdio: 'pipe' })
  const closed = new Promise<Pick<Ended, 'code' | 'signal'>>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  const lines: string[] = []
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdin.on('error', () => undefined)
  try {
    for await (const line of createInterface(child.stdout)) {
      lines.push(line)
      if (line.startsWith('at ')) child.kill('SIGKILL')
      else if (line === 'pin') {
        await onPin(lines)
        child.stdin.write('go on\n')
      }
    }
  } finally {
    child.kill('SIGKILL')
  }
  return { ...(await closed), lines, errors }
}
