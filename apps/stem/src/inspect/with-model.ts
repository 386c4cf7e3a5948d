import { availableParallelism } from 'node:os'
import type { Engine } from '@stemkit/compile'
import { openEngine } from '../engines.ts'
import { openPlugins } from '../plugins/open-plugins.ts'
import { signalOfProcess } from '../terminal/exit.ts'
import { statusLine } from '../terminal/progress.ts'
import { openModel, type OpenedModel } from './open-model.ts'
import type { Common } from './options.ts'

/** What a verb works with. */
export interface Context {
  readonly model: OpenedModel
  readonly signal: AbortSignal
  openEngine(): Promise<Engine>
  /** Opens another model beside it, which is closed at the end. */
  openModel(folder: string): Promise<OpenedModel>
  /** Of a share between 0 and 1: replaces the line of progress on a terminal. */
  progress(what: string): (done: number) => void
}

/** Runs a verb over a model folder, with plugins, Ctrl-C and a line of progress. */
export async function withModel(folder: string, options: Common, work: (context: Context) => Promise<void>) {
  const { store, budget, threads = availableParallelism(), plugin } = options
  const signal = signalOfProcess()
  const { drivers, feedForwards: custom } = await openPlugins(plugin, { signal })
  const status = statusLine()
  const opened: OpenedModel[] = []
  const open = async (path: string, where: { readonly store?: string | undefined }): Promise<OpenedModel> => {
    const model = await openModel(path, { ...where, budget, openRows: drivers.open, custom, signal })
    opened.push(model)
    return model
  }
  try {
    await work({
      model: await open(folder, { store }),
      signal,
      openEngine: () => openEngine('compiled', threads),
      openModel: (path) => open(path, {}),
      progress: (what) => (done) => status.show(`${what} ${Math.round(100 * done)}%`),
    })
  } finally {
    status.clear()
    for (const model of opened) await model.dispose()
  }
}
