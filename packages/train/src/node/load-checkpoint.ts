import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { parseModelConfig } from '@stemkit/weights'
import type { RunState } from '../checkpoint.ts'
import { requireFit, sameShape } from '../fit.ts'
import type { NamedArray, Trainer, TrainerState } from '../trainer.ts'
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
      ...optimizerState(weights, optimizer, path),
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

/** Both moments of every weight, by its name; of a table that row-wise Adagrad trained, one number for every row. */
function optimizerState(
  weights: ReadonlyMap<string, NamedArray>,
  optimizer: ReadonlyMap<string, NamedArray>,
  path: string,
): Pick<TrainerState, 'moments' | 'squares'> {
  const find = (name: string, { shape }: NamedArray): NamedArray => {
    const found = optimizer.get(name)
    if (found && sameShape(found, { shape })) return found
    const problem = found ? `of shape [${found.shape}] for a weight of [${shape}]` : 'missing'
    throw new StemkitError('corrupt', `${path}/optimizer.safetensors: ${name} is ${problem}`)
  }
  const moments = new Map<string, NamedArray>()
  const squares = new Map<string, NamedArray>()
  for (const [name, weight] of weights) {
    const [first, second] = [optimizer.get(FIRST + name), optimizer.get(SECOND + name)]
    const [rows, ...rest] = weight.shape
    if (!first && second && rest.length === 1 && sameShape(second, { shape: [rows!] })) squares.set(name, second)
    else {
      moments.set(name, find(FIRST + name, weight))
      squares.set(name, find(SECOND + name, weight))
    }
  }
  return { moments, squares }
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
