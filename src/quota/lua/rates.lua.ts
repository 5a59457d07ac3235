/** GCRA and the exact token bucket, as in gcra.ts and token-bucket.ts. Needs `now` and `int` of books.lua.ts. */
export const RATES_LUA = `
local PARTS = 60000000
local function ceil_divide(dividend, divisor)
  local quotient = math.floor(dividend / divisor)
  if quotient * divisor < dividend then return quotient + 1 end
  return quotient
end
local function arrival_of(key, period, burst)
  local arrival = tonumber(redis.call('GET', key) or '0')
  return math.min(math.max(arrival, now), now + period * burst)
end
local function tokens_of(key, per_minute)
  local capacity = per_minute * PARTS
  local saved = redis.call('HMGET', key, 'b', 't')
  if not saved[1] then return capacity end
  local parts = math.min(tonumber(saved[1]), capacity)
  local elapsed = math.max(0, now - tonumber(saved[2]))
  if parts < 0 then
    local until_zero = ceil_divide(-parts, per_minute)
    if elapsed < until_zero then return parts + elapsed * per_minute end
    parts = parts + until_zero * per_minute
    elapsed = elapsed - until_zero
  end
  if elapsed >= ceil_divide(capacity - parts, per_minute) then return capacity end
  return parts + elapsed * per_minute
end
local function take_tokens(key, parts, per_minute, tokens)
  local capacity = per_minute * PARTS
  local change = math.min(math.max(tokens, -2 * per_minute), 2 * per_minute) * PARTS
  parts = math.min(math.max(parts - change, -capacity), capacity)
  redis.call('HSET', key, 'b', int(parts), 't', int(now))
  redis.call('PEXPIRE', key, 180000)
  return parts
end
local function request_level(arrival, period, burst)
  local ahead = arrival - now
  return math.max(0, math.floor((period * burst - ahead) / period)), math.max(0, ahead)
end
local function token_level(parts, per_minute)
  return math.max(0, math.floor(parts / PARTS)), ceil_divide(per_minute * PARTS - parts, per_minute)
end
`;
