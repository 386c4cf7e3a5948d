export { arenaBytes, createArena, type Arena, type ArenaOptions } from './arena.ts'
export { fromBase64 } from './base64.ts'
export { startCrew, type Crew, type CrewOptions } from './crew.ts'
export { spawnWebWorker, type PoolWorker, type SpawnWorker } from './worker.ts'
