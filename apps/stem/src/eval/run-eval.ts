import { evaluate, resultFile, resultFileNames, withCache, type EvalModel, type EvalProgress } from '@stemkit/eval'
import { fileCache } from '@stemkit/eval/node'
import { StemkitError } from '@stemkit/spec/errors'
import { makeFolder } from '@stemkit/weights/node'
import { join } from 'node:path'
import { Interrupted, signalOfProcess } from '../terminal/exit.ts'
import { note } from '../terminal/progress.ts'
import { chooseSamples } from './choose-samples.ts'
import { progressOfRun, type ProgressOfRun } from './eval-progress.ts'
import { openData } from './open-data.ts'
import { openModel, type OpenedModel } from './open-model.ts'
import { checkLengths, openTasks } from './open-tasks.ts'
import type { RunFlags } from './run-options.ts'
import { writeRun } from './write-run.ts'

/** Evaluates a model on tasks, as `stem eval MODEL --tasks ...` does. */
export async function runEval(place: string | undefined, flags: RunFlags): Promise<void> {
  const { tasks = [], lengths, limit, bootstrapIters: bootstrapRounds } = flags
  if (tasks.length === 0) {
    throw new StemkitError('bad-input', 'eval: say which tasks, by --tasks a,b; stem eval tasks lists them')
  }
  // What can be wrong without the model is found before it is loaded.
  const registry = await openTasks(flags)
  const loaded = registry.load(tasks)
  const samples = await chooseSamples(flags.samples)
  const signal = signalOfProcess()
  const progress = progressOfRun()
  const opened = await openModel(place, flags, { signal, say: progress.say }).finally(progress.clear)
  try {
    const { model, name, source, chatTemplate } = opened
    checkLengths(loaded, model.maxLength, lengths)
    const out = flags.out ?? join('evals', folderNameOf(name))
    await makeFolder(out)
    const standIns: string[] = []
    const onStandIn = (notice: string): void => {
      standIns.push(notice)
      progress.clear()
      note(`not comparable with scores on the whole data: ${notice}`)
    }
    const began = Date.now()
    const run = await ask(model, flags, out, progress, (asked, onProgress) =>
      evaluate({
        model: asked,
        tasks,
        registry,
        rows: openData(flags.data, { say: progress.say, onStandIn }),
        signal,
        onProgress,
        onNotice: (notice) => {
          progress.clear()
          note(notice)
        },
        ...runOptions(flags),
        ...(samples && { samples }),
        ...(bootstrapRounds !== undefined && { bootstrapRounds }),
      }),
    )
    const results = await resultFile(run, {
      modelSource: source,
      modelName: name,
      date: began / 1000,
      seconds: (Date.now() - began) / 1000,
      ...(limit !== undefined && { limit }),
      ...(bootstrapRounds !== undefined && { bootstrapRounds }),
      ...(flags.genKwargs && { genKwargs: flags.genKwargs }),
      ...(flags.seed !== undefined && { seed: flags.seed }),
      ...(flags.systemInstruction !== undefined && { systemInstruction: flags.systemInstruction }),
      ...(chatTemplate && {
        chatTemplate: chatTemplate.source,
        fewshotAsMultiturn: flags.fewshotAsMultiturn ?? true,
      }),
    })
    const contents = { ...results, config: { ...(results['config'] as object), ...ownFacts(opened, flags, standIns) } }
    const written = await writeRun(out, { run, contents, model, logSamples: flags.logSamples ?? true, signal })
    if (flags.json) return void process.stdout.write(`${JSON.stringify(contents)}\n`)
    const tables = [run.table, ...(run.groupTable ? [run.groupTable] : [])].join('\n')
    process.stdout.write(`${tables}\nresults: ${written.results}\nreport: ${written.report}\n`)
  } finally {
    progress.clear()
    await opened.dispose()
  }
}

const runOptions = (flags: RunFlags) => ({
  ...(flags.numFewshot !== undefined && { numFewshot: flags.numFewshot }),
  ...(flags.limit !== undefined && { limit: flags.limit }),
  ...(flags.seed !== undefined && { seed: flags.seed }),
  ...(flags.systemInstruction !== undefined && { systemInstruction: flags.systemInstruction }),
  ...(flags.applyChatTemplate && { applyChatTemplate: true }),
  ...(flags.fewshotAsMultiturn !== undefined && { fewshotAsMultiturn: flags.fewshotAsMultiturn }),
  ...(flags.genKwargs && { genKwargs: flags.genKwargs }),
})

/** What results have beside the familiar fields. */
const ownFacts = (
  { model, flops }: OpenedModel,
  { numFewshot, batchSize, overlay }: RunFlags,
  standIns: readonly string[],
) => ({
  num_fewshot: numFewshot ?? null,
  batch_size: batchSize ?? null,
  max_length: model.maxLength ?? null,
  ...(overlay && { overlays: overlay }),
  ...(standIns.length > 0 && { stand_in_data: standIns }),
  ...(flops !== undefined && { training_flops: flops }),
})

/** With a cache around the model, and a word about what is kept when the run does not end well. */
async function ask<T>(
  model: EvalModel,
  { cache: place }: RunFlags,
  out: string,
  progress: ProgressOfRun,
  work: (model: EvalModel, onProgress: (progress: EvalProgress) => void) => Promise<T>,
): Promise<T> {
  const folder = place === false ? undefined : typeof place === 'string' ? place : join(out, 'answers')
  const cache = folder === undefined ? undefined : fileCache(folder, { modelId: model.id })
  let known: EvalProgress = { done: 0, total: 0, cached: 0 }
  try {
    return await work(cache ? withCache(model, cache) : model, (now) => {
      known = now
      progress.show(now)
    })
  } catch (error) {
    const kept =
      cache && known.done > 0
        ? `${known.done} of ${known.total} answers are kept in ${folder}, and the same command goes on from there`
        : undefined
    if (error instanceof Interrupted)
      throw new Interrupted(kept ?? (cache ? 'nothing was asked yet' : 'no answers were kept'))
    if (!kept || !StemkitError.isInstance(error)) throw error
    throw new StemkitError(error.code, `${error.message}; ${kept}`, { cause: error })
  } finally {
    progress.clear()
    await cache?.dispose()
  }
}

/** A name for a model's folder, without what would hide it. */
const folderNameOf = (name: string): string =>
  resultFileNames(name, new Date(0)).folder.replace(/^[_.]+|[_.]+$/gu, '') || 'model'
