export { loadPlugins, resolvePlugin, type LoadPluginsOptions } from './node/load-plugins.ts'
