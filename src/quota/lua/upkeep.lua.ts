import { BOOKS_LUA } from './books.lua.js';
import { CALENDAR_LUA } from './calendar.lua.js';
import { RATES_LUA } from './rates.lua.js';

/**
 * Moves the leases and slots of one key's reservations, or a long stream would give its slot away.
 * KEYS 1 to 4, 5 slots. ARGV 1 lease µs, 2 has slots, then ids. Reply: the ids that are lost.
 */
export const RENEW_LUA = `${BOOKS_LUA}
local lease, lost = int(now + ARGV[1]), {}
for n = 3, #ARGV do
  local id = ARGV[n]
  if redis.call('HEXISTS', RESERVATIONS, id) == 1 then
    redis.call('ZADD', LEASES, lease, id)
    if ARGV[2] == '1' then redis.call('ZADD', KEYS[5], lease, id) end
  else lost[#lost + 1] = id end
end
if ARGV[2] == '1' then redis.call('PEXPIRE', KEYS[5], math.ceil(ARGV[1] / 500)) end
return lost
`;

/** KEYS 1 to 4. ARGV 1 most. Reply: how many reservations were ended. */
export const SWEEP_LUA = `${BOOKS_LUA}
local swept = sweep(tonumber(ARGV[1]))
flush()
return swept
`;

/**
 * What a key has left; writes nothing.
 * KEYS 1 to 4, requests, tokens, slots. ARGV period µs, burst, tokens per minute, then account, length per budget.
 * Reply {requests left, reset, tokens left, reset, slots taken, spent, reserved, end, spent, …}
 */
export const USAGE_LUA = `${BOOKS_LUA}${CALENDAR_LUA}${RATES_LUA}
local period, burst, per_minute = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local out = {0, 0, 0, 0, redis.call('ZCOUNT', KEYS[7], '(' .. int(now), '+inf')}
if period > 0 then out[1], out[2] = request_level(arrival_of(KEYS[5], period, burst), period, burst) end
if per_minute > 0 then out[3], out[4] = token_level(tokens_of(KEYS[6], per_minute), per_minute) end
for n = 4, #ARGV, 2 do
  local book, length = book_of(ARGV[n]), tonumber(ARGV[n + 1])
  local index = math.max(window_index(length, now), book[1])
  local running = index == book[1]
  out[#out + 1] = running and book[2] or 0
  out[#out + 1] = running and book[3] or 0
  out[#out + 1] = window_end(length, index)
end
return out
`;

/**
 * Recomputes what is reserved from the live reservations, and shows the sums of charges beside what is spent.
 * KEYS 1 to 4. Reply {reservations, overdue µs, account, index, spent, reserved, recomputed, charged, unchecked, account, …}
 */
export const AUDIT_LUA = `${BOOKS_LUA}
local live, count = {}, 0
local all = redis.call('HGETALL', RESERVATIONS)
for n = 2, #all, 2 do
  count = count + 1
  local cost, accounts = string.match(all[n], '^(%d+)|%d+|%a|%d+|(.*)$')
  for name in string.gmatch(accounts, '([^;]+);') do live[name] = (live[name] or 0) + tonumber(cost) end
end
local oldest = redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2]
local out = {count, oldest and math.max(0, now - tonumber(oldest)) or 0}
for _, account in ipairs(redis.call('HKEYS', BUDGETS)) do
  local b = book_of(account)
  for at = 1, 4, 3 do
    if b[at] > 0 then
      local field = account .. '=' .. int(b[at])
      local sums = redis.call('HMGET', SUMS, field, field .. '!')
      local row = {account, b[at], b[at + 1], b[at + 2], live[field] or 0, tonumber(sums[1] or 0), tonumber(sums[2] or 0)}
      for _, v in ipairs(row) do out[#out + 1] = v end
    end
  end
end
return out
`;

/**
 * Says that a gateway lives and counts those that do. KEYS 1 gateways. ARGV 1 its name, 2 how long a sign counts, µs.
 * Reply {gateways, its last sign or 0, this sign}: a sign that is missing or older than the one given was lost.
 */
export const HEARTBEAT_LUA = `
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local last = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0')
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[2] / 1000))
return {redis.call('ZCARD', KEYS[1]), last, now}
`;
