// What has to happen on a server in one go. Scripts are sent whole each time: they are short beside the rows, and a server
// that was restarted has forgotten them.

/**
 * Each shard carries a mark, `generation:count`. A generation is a number that a writer takes and nobody had before; the
 * count goes up with each write of the shard. So a write is applied once however often it is sent, one that is overtaken
 * (by a later one, by the next holder of the lock) never, and a server that has lost writes is found out: its mark is behind.
 *
 * KEYS[1] the mark; ARGV: generation and count of this write, generation and count of the newest mark that the writer knows.
 */
const CHECK_MARK = `
local mark = redis.call('GET', KEYS[1]) or '0:0'
local generation, count = string.match(mark, '^(%d+):(%d+)$')
generation, count = tonumber(generation), tonumber(count)
local mine, number = tonumber(ARGV[1]), tonumber(ARGV[2])
local known, counted = tonumber(ARGV[3]), tonumber(ARGV[4])
local verdict = 'ok'
if generation < known or (generation == known and count < counted) then verdict = 'lost'
elseif generation > mine then verdict = 'fenced'
elseif generation == mine and count == number then verdict = 'done'
elseif generation == mine and count > number then verdict = 'fenced' end
local new = ARGV[1] .. ':' .. ARGV[2]
`

/** Rows as arguments: ARGV[5...], for KEYS[2...]. Also, without any, moves the mark alone. */
export const WRITE = `${CHECK_MARK}
if verdict == 'ok' then
  for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 3]) end
  redis.call('SET', KEYS[1], new)
end
return {verdict, mark}`

/** Rows that lie under KEYS[2], KEYS[4] ... go to KEYS[3], KEYS[5] ...: long ones are not copied through Lua. */
export const RENAME = `${CHECK_MARK}
for i = 2, #KEYS, 2 do
  if verdict == 'ok' then redis.call('RENAME', KEYS[i], KEYS[i + 1]) else redis.call('DEL', KEYS[i]) end
end
if verdict == 'ok' then redis.call('SET', KEYS[1], new) end
return {verdict, mark}`

/**
 * Takes the next generation, and the lock with it if a token is given. KEYS: lock, generation; ARGV: least generation before
 * it, token, milliseconds, holder, token of a holder that is known to be dead. Gives {generation} or {0, token, holder}.
 */
export const TAKE = `
local held = redis.call('HMGET', KEYS[1], 'token', 'generation', 'holder')
if held[1] and held[1] == ARGV[2] then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {tonumber(held[2])}
end
if held[1] and held[1] ~= ARGV[5] then return {0, held[1], held[3]} end
local generation = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[1])) + 1
local text = string.format('%.0f', generation)
redis.call('SET', KEYS[2], text)
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], 'token', ARGV[2], 'generation', text, 'holder', ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {generation}`

/**
 * Keeps a lock. One that ran out is taken again if nobody took a generation since, so that a pause harms nobody.
 * KEYS: lock, generation; ARGV: token, generation, milliseconds, holder. Gives 'ok', or who has it now.
 */
export const RENEW = `
local token = redis.call('HGET', KEYS[1], 'token')
if not token and redis.call('GET', KEYS[2]) == ARGV[2] then
  redis.call('HSET', KEYS[1], 'token', ARGV[1], 'generation', ARGV[2], 'holder', ARGV[4])
  token = ARGV[1]
end
if token ~= ARGV[1] then return redis.call('HGET', KEYS[1], 'holder') or '' end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'ok'`

/** KEYS: lock; ARGV: token. */
export const RELEASE = `
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 'ok'`

/**
 * Puts or removes a meta. KEYS: meta, what this caller did last, generation; ARGV: number of the call, 'put' or 'remove',
 * '' or '=' and the version that it must have, '' or the generation of the lock that the caller holds, new version, bytes.
 * As with rows, a call that is sent twice is done once, and never after a later one.
 */
export const PUT = `
local number, before = string.match(redis.call('GET', KEYS[2]) or '0 ', '^(%d+) (.*)$')
if tonumber(number) == tonumber(ARGV[1]) then return before end
if tonumber(number) > tonumber(ARGV[1]) then return 'overtaken' end
local version = redis.call('HGET', KEYS[1], 'version')
local result = 'ok'
if ARGV[4] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[4] then result = 'fenced'
elseif ARGV[3] ~= '' and '=' .. (version or '') ~= ARGV[3] then result = 'conflict ' .. (version or '')
elseif ARGV[2] == 'put' then redis.call('HSET', KEYS[1], 'version', ARGV[5], 'bytes', ARGV[6])
else redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. result, 'PX', 3600000)
return result`

/** KEYS: geometry; ARGV: id, rows, bytes of a row, shards. Made twice by the same call is made once. */
export const CREATE = `
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('HGET', KEYS[1], 'id') == ARGV[1] and 'ok' or 'there' end
redis.call('HSET', KEYS[1], 'format', '1', 'id', ARGV[1], 'rows', ARGV[2], 'rowBytes', ARGV[3], 'shards', ARGV[4])
return 'ok'`

/** KEYS: geometry; ARGV: rows. Gives the number of rows there are then, which never goes down. */
export const RESIZE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
local rows = math.max(tonumber(redis.call('HGET', KEYS[1], 'rows')), tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'rows', string.format('%.0f', rows))
return rows`
