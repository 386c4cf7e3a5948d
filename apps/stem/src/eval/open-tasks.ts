import { readFile } from 'node:fs/promises'
import {
  builtInTasks,
  createTaskRegistry,
  needleGridTasks,
  rulerTasks,
  type LoadedTasks,
  type TaskRegistry,
} from '@stemkit/eval'
import { readTaskFolder } from '@stemkit/eval/node'
import { StemkitError } from '@stemkit/spec/errors'

export interface TaskOptions {
  /** Folders with tasks of the user's own. */
  readonly includePath?: readonly string[] | undefined
  /** Tokens of needle tasks. */
  readonly lengths?: readonly number[] | undefined
  /** A file with the text that needles are put into. */
  readonly haystack?: string | undefined
}

/** All tasks that there are; those of a later folder replace others of the same name. */
export async function openTasks({ includePath = [], lengths, haystack }: TaskOptions): Promise<TaskRegistry> {
  const essay = haystack === undefined ? undefined : await readText(haystack)
  const made = { ...(lengths && { lengths }), ...(essay !== undefined && { essay }) }
  const needles = Object.keys(made).length > 0 ? [rulerTasks(made), needleGridTasks(made)] : []
  const own = await Promise.all(includePath.map(readTaskFolder))
  return createTaskRegistry(builtInTasks, ...needles, ...own)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new StemkitError('not-found', `--haystack ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** What needle tasks make where nothing else is said. */
const GRID_LENGTHS = [1024, 2048, 4096]

/** A needle that was cut off cannot be found, so the score would say nothing. */
export function checkLengths(
  { tasks }: LoadedTasks,
  maxLength: number | undefined,
  lengths: readonly number[] | undefined,
): void {
  if (maxLength === undefined) return
  for (const [name, { metadata = {} }] of tasks) {
    const made = name === 'needle_grid' ? (metadata['lengths'] ?? lengths ?? GRID_LENGTHS) : metadata['max_seq_lengths']
    const longest = Math.max(0, ...[made ?? []].flat().map(Number))
    if (longest <= maxLength) continue
    throw new StemkitError(
      'bad-input',
      `${name} makes texts of ${longest} tokens, and the model reads ${maxLength}; choose lengths that fit, as in --lengths ${maxLength}`,
    )
  }
}
