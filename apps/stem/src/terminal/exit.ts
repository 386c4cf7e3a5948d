import { StemkitError } from '@stemkit/spec/errors'
import { CommanderError } from 'commander'
import { coloursFor } from './colours.ts'

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const

/** What Ctrl-C aborts with. The message, if any, says what was kept. */
export class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Aborts on the first SIGINT or SIGTERM; a second one ends the process at once. */
export function signalOfProcess(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort(new Interrupted())
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

/** Says in one line on stderr what went wrong, and returns the exit code. Unknown errors keep their stack with STEM_DEBUG. */
export function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof Interrupted) {
    if (message) process.stderr.write(`${message}\n`)
    return EXIT.interrupted
  }
  process.stderr.write(`${coloursFor(process.stderr).red('error:')} ${message.split('\n')[0]}\n`)
  if (process.env['STEM_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return StemkitError.isInstance(error) && error.code === 'bad-input' ? EXIT.usage : EXIT.failed
}
