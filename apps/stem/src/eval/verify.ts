import { verifyFolder, type VerifiedFolderTask } from '@stemkit/eval/node'
import { StemkitError } from '@stemkit/spec/errors'
import pc from 'picocolors'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import type { VerifyFlags } from './verbs.ts'

/** How many differences of a task are printed; JSON has them all. */
const SHOWN = 3

/** Prints how records differ from what is computed here. @throws corrupt where they do */
export async function verifyRecords(dir: string, { json }: VerifyFlags): Promise<void> {
  const tasks = await verified(dir)
  const failed = tasks.filter(({ ok }) => !ok)
  process.stdout.write(json ? `${JSON.stringify({ ok: failed.length === 0, tasks })}\n` : listing(tasks))
  if (failed.length > 0) {
    const names = failed.map(({ name, file }) => `${name} (${file})`)
    throw new StemkitError('corrupt', `eval verify: ${failed.length} of ${tasks.length} differ: ${names.join(', ')}`)
  }
}

async function verified(dir: string): Promise<VerifiedFolderTask[]> {
  const status = statusLine()
  const passedOver: string[] = []
  try {
    return await verifyFolder(dir, {
      signal: signalOfProcess(),
      onPassedOver: (file) => passedOver.push(file),
      onProgress: ({ file, index, total }) => status.show(`${index + 1} of ${total}: ${file}`),
    })
  } finally {
    status.clear()
    if (passedOver.length > 0) process.stderr.write(`eval verify: passed over, no records: ${passedOver.join(', ')}\n`)
  }
}

function listing(tasks: readonly VerifiedFolderTask[]): string {
  const colour = pc.createColors(process.stdout.isTTY)
  const nameWidth = Math.max(...tasks.map(({ name }) => name.length)) + 2
  const outcomes = tasks.map(outcomeOf)
  const outcomeWidth = Math.max(...outcomes.map(({ length }) => length)) + 2
  const lines = tasks.flatMap(({ name, fewshot, ok, mismatches, file }, i) => {
    const shots = fewshot === null ? '' : `${fewshot} shots`
    const outcome = (outcomes[i] ?? '').padEnd(outcomeWidth)
    const details = mismatches
      .slice(0, SHOWN)
      .map(({ at, expected, actual }) => `  ${at}: recorded ${expected}, computed ${actual}`)
    const coloured = ok ? colour.green(outcome) : colour.red(outcome)
    return [`${name.padEnd(nameWidth)}${shots.padEnd(10)}${coloured}${file}`, ...details]
  })
  return `${lines.join('\n')}\n`
}

/** Whether all is equal, and what of the task is the record's own. */
function outcomeOf({ ok, mismatches, differs, isForeign }: VerifiedFolderTask): string {
  const outcome = ok ? 'ok' : `${mismatches.length} differences`
  if (isForeign) return `${outcome}, its own task`
  return differs ? `${outcome}, its own ${differs.join(', ')}` : outcome
}
