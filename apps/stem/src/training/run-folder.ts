import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { takeWriteLock } from '@stemkit/spec/write-lock'
import { latestCheckpoint } from '@stemkit/train/node'
import { makeFolder } from '@stemkit/weights/node'

/** Where the parts of a run lie. */
export interface RunFolder {
  readonly path: string
  readonly config: string
  readonly tokenizer: string
  readonly metrics: string
  readonly checkpoints: string
  readonly model: string
  /** The checkpoint to go on from; undefined for a new run. */
  readonly latest: string | undefined
  /** Lets others train there. */
  release(): void
}

/** Whoever holds this file trains in the folder. It stays there, and is nobody's once its holder has ended. */
export const LOCK_FILE = 'lock'

/**
 * Makes the folder of a new run, or finds the one to go on with. Nobody else can train there until it is released or this
 * process has ended.
 * @throws StemkitError 'conflict' where a run is in the way or under way, 'not-found' without one to resume, 'io'
 */
export async function openRunFolder(path: string, { resume }: { readonly resume: boolean }): Promise<RunFolder> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() === false) {
    throw new StemkitError('conflict', `run folder ${path}: there is a file of that name; choose another with --run`)
  }
  // Before anything is written; and again once nobody else can change it.
  await findStart(path, resume)
  await makeFolder(path).catch((error: Error) => {
    throw new StemkitError('io', `run folder ${error.message}; choose another with --run`)
  })
  const { release } = await takeWriteLock(join(path, LOCK_FILE)).catch((error: Error) => {
    if (StemkitError.isInstance(error)) throw error
    throw new StemkitError('io', `run folder ${path}: no lock to be had: ${error.message}; choose another with --run`)
  })
  try {
    return { ...partsOf(path), latest: await findStart(path, resume), release }
  } catch (error) {
    release()
    throw error
  }
}

const partsOf = (path: string): Omit<RunFolder, 'latest' | 'release'> => ({
  path,
  config: join(path, 'config.yaml'),
  tokenizer: join(path, 'tokenizer.json'),
  metrics: join(path, 'metrics.jsonl'),
  checkpoints: join(path, 'checkpoints'),
  model: join(path, 'model'),
})

/** The checkpoint to go on from, undefined for a new run. Rejects where there should be none, or should be one. */
async function findStart(path: string, resume: boolean): Promise<string | undefined> {
  const { checkpoints, model } = partsOf(path)
  const latest = await latestCheckpoint(checkpoints)
  const taken = latest !== undefined || (await stat(model).catch(() => undefined)) !== undefined
  if (taken && !resume) {
    throw new StemkitError(
      'conflict',
      `${path} holds a run already; add --resume to go on with it, or choose another folder with --run`,
    )
  }
  if (latest === undefined && resume) {
    throw new StemkitError('not-found', `${path} has no checkpoint to resume from; leave out --resume to start there`)
  }
  return latest
}
