import { definePlugin } from '@stemkit/plugin'

/** The row drivers that `stem` knows without a plugin, each loaded when its scheme is first used. */
export const builtIn = definePlugin({ name: 'stem', drivers: {} })
