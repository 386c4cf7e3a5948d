import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
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
}

/**
 * Makes the folder of a new run, or finds the one to go on with.
 * @throws StemkitError 'conflict' where a run is in the way, 'not-found' without one to resume, 'io'
 */
export async function openRunFolder(path: string, { resume }: { readonly resume: boolean }): Promise<RunFolder> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() === false) {
    throw new StemkitError('conflict', `run folder ${path}: there is a file of that name; choose another with --run`)
  }
  const [checkpoints, model] = [join(path, 'checkpoints'), join(path, 'model')]
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
  await makeFolder(path).catch((error: Error) => {
    throw new StemkitError('io', `run folder ${error.message}; choose another with --run`)
  })
  return {
    path,
    config: join(path, 'config.yaml'),
    tokenizer: join(path, 'tokenizer.json'),
    metrics: join(path, 'metrics.jsonl'),
    checkpoints,
    model,
    latest,
  }
}
