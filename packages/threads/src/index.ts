export { arenaBytes, createArena, type Arena, type ArenaOptions } from './arena.ts'
export { spawnWebWorker, type PoolWorker, type SpawnWorker } from './worker.ts'
