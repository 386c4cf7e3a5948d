import type { CustomFeedForwards } from '@stemkit/model'
import { collectFeedForwards, createDriverRegistry, type DriverRegistry } from '@stemkit/plugin'
import { loadPlugins, type LoadPluginsOptions } from '@stemkit/plugin/node'
import { builtIn } from './built-in.ts'

/** What the plugins of one command bring, beside what is built in. */
export interface Extensions {
  readonly drivers: DriverRegistry
  /** By the kind that a model's config names. */
  readonly feedForwards: CustomFeedForwards
}

/** @throws StemkitError with one line that names the plugin */
export async function openPlugins(
  specifiers: readonly string[] = [],
  options: LoadPluginsOptions = {},
): Promise<Extensions> {
  const plugins = await loadPlugins(specifiers, options)
  return { drivers: createDriverRegistry([builtIn, ...plugins]), feedForwards: collectFeedForwards(plugins) }
}
