export { collectFeedForwards } from './collect-feed-forwards.ts'
export { definePlugin, type Plugin } from './define-plugin.ts'
export { createDriverRegistry, type DriverRegistry } from './driver-registry.ts'
