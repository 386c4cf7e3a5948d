import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { StemkitError } from '@stemkit/spec/errors'
import { serializeModelConfig } from '@stemkit/weights'
import { makeFolder } from '@stemkit/weights/node'
import type { CheckpointWriter, RunState } from '../checkpoint.ts'
import type { RowSnapshot, TrainerState } from '../trainer.ts'
import { writeArrays } from './array-file.ts'
import {
  CHECKPOINT_FORMAT,
  checkpointName,
  checkpointSteps,
  FIRST,
  hashConfig,
  PARTIAL,
  SECOND,
  type StateFile,
} from './checkpoint-format.ts'
import { ioError } from './io-error.ts'

export interface CheckpointFolderOptions {
  /** Folder of the checkpoints, one folder each; created where absent. */
  readonly dir: string
  /** How many of the newest to keep. Default: 3. */
  readonly keep?: number
  /** Files to copy into every checkpoint under their own names: a `tokenizer.json`, say. */
  readonly files?: readonly string[]
}

/**
 * Checkpoints as folders `step-00001234`, each a model folder (`config.json`, `model.safetensors`) with
 * `optimizer.safetensors` and `state.json` beside it. A folder is written under another name, forced to the disk, then
 * renamed as one, and older ones go only then: whenever the process or the machine dies, the newest folder of that
 * name is complete.
 *
 * Throws `bad-input` for an impossible `keep`. Its `prepare` throws `conflict` if the folder holds later steps of
 * another run; its `save` throws `io` if the disk is full, and `bad-input` for a loader or generator state that JSON
 * would change. Neither touches earlier checkpoints then.
 */
export function checkpointFolder({ dir, keep = 3, files = [] }: CheckpointFolderOptions): CheckpointWriter {
  if (!(Number.isInteger(keep) && keep > 0)) {
    throw new StemkitError('bad-input', `checkpoints: keep is ${keep}, it must be a whole number above 0`)
  }
  return {
    async prepare(steps) {
      try {
        await makeFolder(dir)
        for (const name of await readdir(dir)) {
          // What a killed process left half written or half deleted.
          if (name.endsWith(PARTIAL) && checkpointSteps(name.slice(0, -PARTIAL.length)) !== undefined) {
            await rm(join(dir, name), { recursive: true })
          }
          if ((checkpointSteps(name) ?? 0) > steps) {
            throw new StemkitError(
              'conflict',
              `${dir} holds ${name}, but this run starts at step ${steps}: resume from it, move it away, or choose another folder`,
            )
          }
        }
      } catch (error) {
        throw ioError(`cannot use ${dir} for checkpoints`, error)
      }
    },

    async save(state) {
      const path = join(dir, checkpointName(state.trainer.steps))
      const partial = path + PARTIAL
      try {
        await rm(partial, { recursive: true, force: true })
        await makeFolder(partial)
        await writeCheckpoint(partial, state, files)
        await rename(partial, path)
        await syncFolder(dir)
      } catch (error) {
        await rm(partial, { recursive: true, force: true }).catch(() => undefined)
        const what = `checkpoint of step ${state.trainer.steps} not saved to ${dir}, earlier ones are untouched`
        throw ioError(what, error)
      }
      await prune(dir, keep)
    },

    async rowSnapshots() {
      const named: RowSnapshot[] = []
      for (const name of await readdir(dir)) {
        if (checkpointSteps(name) === undefined) continue
        const { rows } = JSON.parse(await readFile(join(dir, name, 'state.json'), 'utf8')) as StateFile
        if (rows) named.push(rows)
      }
      return named
    },
  }
}

const prefixed = (prefix: string, arrays: TrainerState['weights']) =>
  Array.from(arrays, ([name, array]) => [prefix + name, array] as const)

async function writeCheckpoint(path: string, state: RunState, extra: readonly string[]): Promise<void> {
  const { config, trainer, rows, loader, rng, tokens, seconds } = state
  await writeFile(join(path, 'config.json'), `${JSON.stringify(serializeModelConfig(config), null, 2)}\n`)
  await writeArrays(join(path, 'model.safetensors'), trainer.weights)
  await writeArrays(join(path, 'optimizer.safetensors'), [
    ...prefixed(FIRST, trainer.moments),
    ...prefixed(SECOND, trainer.squares),
  ])
  for (const file of extra) await writeFile(join(path, basename(file)), await readFile(file))

  const sizes: Record<string, number> = {}
  for (const name of (await readdir(path)).toSorted()) sizes[name] = (await stat(join(path, name))).size
  const content: StateFile = {
    format: CHECKPOINT_FORMAT,
    steps: trainer.steps,
    tokens,
    seconds,
    configHash: hashConfig(config),
    files: sizes,
    ...(rows ? { rows } : {}),
    loader,
    ...(rng === undefined ? {} : { rng }),
  }
  const text = `${JSON.stringify(content, null, 2)}\n`
  if (!isDeepStrictEqual(JSON.parse(text), content)) {
    throw new StemkitError('bad-input', `the state of the loader or the random generator is not made of JSON values`)
  }
  await writeFile(join(path, 'state.json'), text)
  for (const name of [...Object.keys(sizes), 'state.json']) await sync(join(path, name), 'r+')
  await syncFolder(path)
}

/** Deletes all but the `keep` newest. A folder loses its name first, so that none is ever half there. */
async function prune(dir: string, keep: number): Promise<void> {
  const names = (await readdir(dir)).filter((name) => checkpointSteps(name) !== undefined)
  names.sort((a, b) => checkpointSteps(b)! - checkpointSteps(a)!)
  for (const name of names.slice(keep)) {
    await rename(join(dir, name), join(dir, name + PARTIAL))
    await rm(join(dir, name + PARTIAL), { recursive: true })
  }
}

async function sync(path: string, flags: string): Promise<void> {
  const file = await open(path, flags)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the names in a folder durable; Windows neither offers nor needs this. */
const syncFolder = (path: string): Promise<void> => (process.platform === 'win32' ? Promise.resolve() : sync(path, 'r'))
