export { openRedisRows, redisRows, type RedisRowsOptions } from './redis-rows.ts'
export type { RedisSettings } from './url.ts'
