import type { CustomFeedForwards, FeedForwardDefinition } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Plugin } from './define-plugin.ts'

/**
 * The feed-forwards of several plugins by kind: what `createTrainer`, `loadModel` and `listWeights` take as `custom`.
 * @throws bad-input if two bring the same kind
 */
export function collectFeedForwards(plugins: readonly Plugin[]): CustomFeedForwards {
  const owners = new Map<string, string>()
  const collected: Record<string, FeedForwardDefinition> = {}
  for (const { name, feedForwards = {} } of plugins) {
    for (const [kind, definition] of Object.entries(feedForwards)) {
      const owner = owners.get(kind)
      if (owner !== undefined) {
        throw new StemkitError(
          'bad-input',
          `plugin ${name}: feed-forward '${kind}' is taken by ${owner}; leave one of them out`,
        )
      }
      owners.set(kind, name)
      collected[kind] = definition
    }
  }
  return collected
}
