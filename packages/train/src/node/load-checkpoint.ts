import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { parseModelConfig } from '@stemkit/weights'
import type { RunState } from '../checkpoint.ts'
import { requireFit, sameShape } from '../fit.ts'
import type { NamedArray, Trainer } from '../trainer.ts'
import { readArrays } from './array-file.ts'
import { CHECKPOINT_FORMAT, checkpointSteps, FIRST, hashConfig, SECOND, type StateFile } from './checkpoint-format.ts'
import { ioError } from './io-error.ts'

/**
 * Path of the newest complete checkpoint in `dir`; undefined if there is none.
 * Half-written folders are passed over. Throws `io` if the folder cannot be read.
 */
export async function latestCheckpoint(dir: string): Promise<string | undefined> {
  let names: string[]
  try {
    names = await readdir(dir)
  } catch (error) {
    const problem = ioError(`cannot look for checkpoints in ${dir}`, error)
    if (problem.code === 'not-found') return undefined
    throw problem
  }
  const candidates = names.filter((name) => checkpointSteps(name) !== undefined)
  candidates.sort((a, b) => checkpointSteps(b)! - checkpointSteps(a)!)
  for (const name of candidates) {
    if (await isComplete(join(dir, name))) return join(dir, name)
  }
  return undefined
}

/**
 * Reads a checkpoint; every array is checked against the others, and all of it against `trainer` where given.
 * Throws `not-found`, `io`, `unsupported` (another format version), `corrupt` (files that are torn or contradict each
 * other) or `bad-input` (a checkpoint of another model than the trainer's).
 */
export async function loadCheckpoint(
  path: string,
  options: {
    readonly trainer?: Pick<Trainer, 'config' | 'state'> | undefined
    readonly signal?: AbortSignal | undefined
  } = {},
): Promise<RunState> {
  const { trainer, signal } = options
  const state = (await readJson(join(path, 'state.json'), signal)) as StateFile | null
  if (!state || ![state.format, state.steps].every(Number.isInteger)) {
    throw new StemkitError('corrupt', `${path}/state.json is no checkpoint's state`)
  }
  if (state.format !== CHECKPOINT_FORMAT) {
    throw new StemkitError(
      'unsupported',
      `${path}: checkpoint format ${state.format}, this version reads ${CHECKPOINT_FORMAT}`,
    )
  }
  const config = parseModelConfig(await readJson(join(path, 'config.json'), signal))
  if (hashConfig(config) !== state.configHash) {
    throw new StemkitError('corrupt', `${path}: config.json is not the one that the checkpoint was saved with`)
  }
  const weights = await readArrays(join(path, 'model.safetensors'), signal)
  const optimizer = await readArrays(join(path, 'optimizer.safetensors'), signal)
  const saved: RunState = {
    config,
    trainer: {
      steps: state.steps,
      weights,
      moments: momentsOf(weights, optimizer, FIRST, path),
      squares: momentsOf(weights, optimizer, SECOND, path),
    },
    ...(state.rows ? { rows: state.rows } : {}),
    loader: state.loader,
    rng: state.rng,
    tokens: state.tokens,
    seconds: state.seconds,
  }
  if (trainer) requireFit(saved, trainer, path)
  return saved
}

/** One moment of every weight, by the weight's name. */
function momentsOf(
  weights: ReadonlyMap<string, NamedArray>,
  optimizer: ReadonlyMap<string, NamedArray>,
  prefix: string,
  path: string,
): ReadonlyMap<string, NamedArray> {
  return new Map(
    [...weights].map(([name, weight]) => {
      const moment = optimizer.get(prefix + name)
      if (!moment || !sameShape(moment, weight)) {
        const problem = moment ? `of shape [${moment.shape}] for a weight of [${weight.shape}]` : 'missing'
        throw new StemkitError('corrupt', `${path}/optimizer.safetensors: ${prefix}${name} is ${problem}`)
      }
      return [name, moment]
    }),
  )
}

async function isComplete(path: string): Promise<boolean> {
  try {
    const { files } = (await readJson(join(path, 'state.json'))) as StateFile
    for (const [name, size] of Object.entries(files)) if ((await stat(join(path, name))).size !== size) return false
    return true
  } catch {
    return false
  }
}

async function readJson(path: string, signal?: AbortSignal): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, { encoding: 'utf8', ...(signal ? { signal } : {}) })
  } catch (error) {
    signal?.throwIfAborted()
    throw ioError(`cannot read ${path}`, error)
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new StemkitError('corrupt', `${path} is no JSON`, { cause })
  }
}
