import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { messageOf } from './failure.ts';

/**
 * A Lua script. Redis runs it atomically: no command runs in between, and a crash leaves all of it
 * or nothing if Redis does not load a truncated file (`REDIS_TORN_WRITES` in `durabilityOf`).
 */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

const script = (text: string): Script => ({
  text,
  sha: createHash('sha1').update(text).digest('hex'),
});

/**
 * Returns up to `count` entries of a range of the index, and whether they are all of the range. A
 * missing value is false.
 */
const page = String.raw`
local function page(index, first, last, count, size, entries)
  local keys = redis.call('ZRANGEBYLEX', index, first, last, 'LIMIT', 0, count)
  local listed, bytes = {}, 0
  for _, key in ipairs(keys) do
    if bytes > tonumber(size) then return { 0, listed } end
    local value = redis.call('GET', entries .. key)
    bytes = bytes + #(value or '')
    listed[#listed + 1] = key
    listed[#listed + 1] = value
  end
  return { #keys < tonumber(count) and 1 or 0, listed }
end
`;

/** KEYS: index. ARGV: first and last of the range, count, bytes, prefix of the keys of entries. */
export const readPage = script(`${page}return page(KEYS[1], unpack(ARGV))`);

/**
 * KEYS: index, snapshots, and the entry of each change. ARGV: verb, key, condition, bytes of each
 * change. Returns the first key whose condition fails, or nothing. Before anything is changed, the
 * old entries are saved for each snapshot that is being read: `key \\0 bytes`, without bytes if the
 * entry did not exist.
 */
export const writeAll = script(String.raw`
local function change(at) return unpack(ARGV, (at - 3) * 4 + 1, (at - 3) * 4 + 4) end
for at = 3, #KEYS do
  local _, key, condition = change(at)
  if condition == '-' then
    if redis.call('EXISTS', KEYS[at]) == 1 then return key end
  elseif condition ~= '*' then
    local version = string.match(redis.call('GETRANGE', KEYS[at], 0, 99), '^acmex1 (%S+)')
    if version == nil or condition ~= '=' .. version then return key end
  end
end
for _, snapshot in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if redis.call('EXISTS', snapshot) == 0 then
    redis.call('SREM', KEYS[2], snapshot)
  else
    for at = 3, #KEYS do
      local verb, key = change(at)
      if verb ~= 'check' and #redis.call('ZRANGEBYLEX', snapshot, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, 1) == 0 then
        redis.call('ZADD', snapshot, 0, key .. '\0' .. (redis.call('GET', KEYS[at]) or ''))
      end
    end
  end
end
for at = 3, #KEYS do
  local verb, key, _, bytes = change(at)
  if verb == 'set' then
    redis.call('SET', KEYS[at], bytes)
    redis.call('ZADD', KEYS[1], 0, key)
  elseif verb == 'remove' then
    redis.call('DEL', KEYS[at])
    redis.call('ZREM', KEYS[1], key)
  end
end
return false
`);

/** KEYS: snapshots, snapshot. ARGV: milliseconds until an unread snapshot is deleted. */
export const beginSnapshot = script(String.raw`
redis.call('ZADD', KEYS[2], 0, '\0')
redis.call('PEXPIRE', KEYS[2], ARGV[1])
redis.call('SADD', KEYS[1], KEYS[2])
`);

/**
 * KEYS: index, snapshot. ARGV: milliseconds as for `beginSnapshot`, first of the saved entries,
 * then as for `readPage`. Returns a page of current entries and a page of saved entries; nothing if
 * the snapshot is gone.
 */
export const readSnapshot = script(String.raw`${page}
if redis.call('EXISTS', KEYS[2]) == 0 then return false end
redis.call('PEXPIRE', KEYS[2], ARGV[1])
local before, bytes = {}, 0
for at = 0, 15 do
  local member = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[2], '+', 'LIMIT', at, 1)[1]
  if not member then before[#before + 1] = false break end
  before[#before + 1] = member
end
return { page(KEYS[1], unpack(ARGV, 3)), before }
`);

/** KEYS: snapshots, snapshot. */
export const endSnapshot = script(String.raw`
redis.call('SREM', KEYS[1], KEYS[2])
redis.call('DEL', KEYS[2])
`);

/** Runs a script by its hash; sends the text only if Redis does not know the hash. */
export async function evaluate(
  redis: Redis,
  { text, sha }: Script,
  keys: readonly string[],
  args: readonly (string | Buffer | number)[],
): Promise<unknown> {
  const following = [keys.length, ...keys, ...args];
  try {
    return await redis.callBuffer('EVALSHA', sha, ...following);
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
    return redis.callBuffer('EVAL', text, ...following);
  }
}
