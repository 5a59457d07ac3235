import { type Redis } from 'ioredis';

// Redis' clock cannot be moved, but what it holds can be moved into the past: the same to every script.
const SHIFT = `
local us, roll = tonumber(ARGV[1]), ARGV[2] == '1'
local function earlier(text) return string.format('%d', tonumber(text) - us) end
for _, key in ipairs(redis.call('KEYS', 'q:*')) do
  local kind = string.match(key, '^q:{.*}:%d+:(%a+)')
  if kind == 'rpm' then redis.call('SET', key, earlier(redis.call('GET', key)), 'KEEPTTL')
  elseif kind == 'tpm' then redis.call('HSET', key, 't', earlier(redis.call('HGET', key, 't')))
  elseif kind == 'conc' or kind == 'lease' then
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -us, id) end
  elseif roll and kind == 'bud' then
    local all = redis.call('HGETALL', key)
    for n = 1, #all, 2 do
      local i, rest, j, more = string.match(all[n + 1], '^(%d+)(,%d+,%d+,)(%d+)(.*)$')
      redis.call('HSET', key, all[n], string.format('%d%s%d%s', i - 1, rest, math.max(0, j - 1), more))
    end
  elseif roll and kind == 'sum' then
    local all = redis.call('HGETALL', key)
    redis.call('DEL', key)
    for n = 1, #all, 2 do
      redis.call('HSET', key, (string.gsub(all[n], '=(%d+)', function(i)
        return '=' .. string.format('%d', i - 1)
      end)), all[n + 1])
    end
  elseif roll and kind == 'resv' then
    local all = redis.call('HGETALL', key)
    for n = 1, #all, 2 do
      redis.call('HSET', key, all[n], (string.gsub(all[n + 1], '=(%d+);', function(i)
        return '=' .. string.format('%d', i - 1) .. ';'
      end)))
    end
  end
end
`;

/** Moves all that a quota Redis holds into the past by `ms`. */
export async function letTimePass(redis: Redis, ms: number): Promise<void> {
  await redis.eval(SHIFT, 0, ms * 1000, '0');
}

/** Makes every budget window the one before. */
export async function rollWindows(redis: Redis): Promise<void> {
  await redis.eval(SHIFT, 0, 0, '1');
}
