import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { StemkitError } from '@stemkit/spec/errors'
import { sweepKills, type KillSweep } from './kill-sweep.ts'
import { lacking, MEDIA, type MediumName } from './media.ts'

interface KillFlags {
  readonly json?: boolean
  readonly medium?: readonly MediumName[]
  readonly everyMoment?: boolean
  readonly kills?: number
  readonly seed: number
}

const program = new Command('faults')
  .description('Does harm to what stores rows, and looks at what is left.')
  .exitOverride()

program
  .command('kills')
  .description('kill a process that works on a table, at every write and flush of its driver')
  .addOption(new Option('--medium <names...>', 'only these').choices(MEDIA))
  .option('--every-moment', 'before, in the middle of and after each call, instead of one of these in turn')
  .option('--kills <number>', 'at most so many for each medium, evenly spread', whole)
  .option('--seed <number>', 'of what is done to the table', whole, 1)
  .option('--json', 'one JSON object on stdout instead of lines')
  .showHelpAfterError()
  .action(async ({ json, medium: names = MEDIA, everyMoment = false, kills, seed }: KillFlags) => {
    const controller = new AbortController()
    process.once('SIGINT', () => controller.abort())
    const sweeps: KillSweep[] = []
    const skipped: Record<string, string> = {}
    for (const medium of names) {
      const why = lacking(medium)
      if (why !== undefined) {
        skipped[medium] = why
        if (!json) process.stdout.write(`${medium}: skipped, ${why}\n`)
        continue
      }
      const sweep = await sweepKills({
        medium,
        everyMoment,
        seed,
        ...(kills === undefined ? {} : { kills }),
        signal: controller.signal,
        onProgress: (progress) => showProgress(`${medium}: ${progress.kills} of ${progress.totalKills} kills`),
      })
      sweeps.push(sweep)
      if (!json) process.stdout.write(text(sweep))
    }
    const totalKills = sweeps.reduce((sum, sweep) => sum + sweep.totalKills, 0)
    const breaches = sweeps.flatMap((sweep) => sweep.breaches)
    if (json) process.stdout.write(`${JSON.stringify({ totalKills, breaches: breaches.length, sweeps, skipped })}\n`)
    else process.stdout.write(`${totalKills} kills, ${breaches.length} promises broken\n`)
    if (breaches.length > 0) process.exitCode = 1
  })

function text({ medium, calls, kills, totalKills, missed, pinned, breaches, seconds }: KillSweep): string {
  const each = Object.entries(calls)
    .filter(([, count]) => count > 0)
    .map(([call, count]) => `${count} ${call}`)
  const { before, during, after } = kills
  return [
    `${medium}: ${totalKills} kills (${before} before, ${during} during, ${after} after a call), ${breaches.length} promises broken, ${seconds.toFixed(0)} s`,
    `  calls of a writer left alone: ${each.join(', ')}; ${missed} kills came too late; ${pinned} versions were being read`,
    ...breaches.map((breach) => `  BROKEN ${breach}`),
    '',
  ].join('\n')
}

function whole(value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number, 1 or more.')
}

/** Only where somebody watches. */
function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${line}`)
}

/** 2 for a command line that makes no sense, 130 for an interrupted one, else 1; 0 for help. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has said it
  if (error instanceof DOMException && error.name === 'AbortError') return 130
  process.stderr.write(`faults: ${StemkitError.isInstance(error) ? error.message : String((error as Error).stack)}\n`)
  return 1
}

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}
