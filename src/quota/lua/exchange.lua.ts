import { BOOKS_LUA } from './books.lua.js';
import { CALENDAR_LUA } from './calendar.lua.js';
import { RATES_LUA } from './rates.lua.js';

/**
 * Settlements first, then at most one acquire, in one atomic round trip of one org.
 * KEYS  1 leases, 2 reservations, 3 budgets, 4 sums; with an acquire: requests, tokens, slots, done of its key;
 *       then per settlement: tokens, slots, done
 * ARGV  1 settlements, 2 kind of acquire (0 none, 1 new, 2 regain, 3 restore); with an acquire: id, lease µs,
 *       period µs, burst, tokens per minute, tokens, slots, cost, r or c, admitted at, budgets, then per budget
 *       account, length, limit; then per settlement: id, cost, tokens reserved, tokens used, tokens per minute,
 *       has slots, admitted at, budgets, then per budget account, length
 * Reply {statuses} or {statuses, verdict, now, requests left, reset, tokens left, reset, wait, budget, spent, reserved, end}
 */
export const EXCHANGE_LUA = `${BOOKS_LUA}${CALENDAR_LUA}${RATES_LUA}
local SETTLED, OVERRUN, LATE, ALREADY, UNKNOWN = 1, 2, 3, 4, 5
local ADMITTED, REPEATED, CLOSED, REQUESTS, TOKENS, CONCURRENCY, SPENT, RESERVED = 1, 2, 3, 4, 5, 6, 7, 8
local key_at, arg_at = 4, 2
local function next_key() key_at = key_at + 1; return KEYS[key_at] end
local function next_arg() arg_at = arg_at + 1; return ARGV[arg_at] end
local function next_number() return tonumber(next_arg()) end

local function read_acquire()
  local a = {requests = next_key(), tokens_key = next_key(), slots_key = next_key(), done = next_key()}
  a.id, a.lease = next_arg(), now + next_number()
  a.period, a.burst, a.per_minute, a.tokens = next_number(), next_number(), next_number(), next_number()
  a.slots, a.cost, a.on_expiry, a.at = next_number(), next_number(), next_arg(), next_number()
  a.budgets = {}
  for n = 1, next_number() do
    a.budgets[n] = {account = next_arg(), length = next_number(), limit = next_number()}
  end
  return a
end

local function settle()
  local tokens_key, slots_key, done = next_key(), next_key(), next_key()
  local id, cost, reserved_tokens, used = next_arg(), next_number(), next_number(), next_number()
  local per_minute, has_slots, at, count = next_number(), next_arg(), next_number(), next_number()
  local first = arg_at
  arg_at = arg_at + 2 * count
  if redis.call('EXISTS', done) == 1 then return ALREADY end
  local held, held_tokens, _, accounts = take_reservation(id)
  if not held and at == 0 then
    if cost == 0 and used == 0 then redis.call('SET', done, '1', 'EX', 3600) end
    return UNKNOWN
  end
  redis.call('SET', done, '1', 'EX', 3600)
  if has_slots == '1' then redis.call('ZREM', slots_key, id) end
  local refund = (held_tokens or reserved_tokens) - used
  if per_minute > 0 and refund ~= 0 then take_tokens(tokens_key, tokens_of(tokens_key, per_minute), per_minute, -refund) end
  if held then
    post_all(accounts, cost, -held, math.max(0, cost - held))
    return cost > held and OVERRUN or SETTLED
  end
  for n = 1, count do
    local account, length = ARGV[first + 2 * n - 1], tonumber(ARGV[first + 2 * n])
    post(account, window_index(length, at), cost, 0, cost)
  end
  return LATE
end

local function refusing_budget(a)
  local worst
  if a.cost == 0 then return nil end
  for n, budget in ipairs(a.budgets) do
    local book = book_of(budget.account)
    local index = math.max(window_index(budget.length, now), book[1])
    local spent, reserved = 0, 0
    if index == book[1] then spent, reserved = book[2], book[3] end
    if spent + reserved + a.cost > budget.limit then
      local found = {
        verdict = spent + a.cost > budget.limit and SPENT or RESERVED, number = n,
        spent = spent, reserved = reserved, ends = window_end(budget.length, index),
      }
      if not worst or (found.verdict == SPENT and worst.verdict == RESERVED)
        or (found.verdict == worst.verdict and found.ends > worst.ends) then worst = found end
    end
  end
  return worst
end

local function hold_slot(a)
  if a.slots == 0 then return end
  redis.call('ZADD', a.slots_key, int(a.lease), a.id)
  redis.call('PEXPIRE', a.slots_key, math.ceil((a.lease - now) / 500))
end

local function admit(a, kind)
  local at = kind == 3 and a.at or now
  if a.slots > 0 then redis.call('ZREMRANGEBYSCORE', a.slots_key, '-inf', now) end
  hold_slot(a)
  redis.call('ZADD', LEASES, int(a.lease), a.id)
  local accounts = {}
  for n, budget in ipairs(a.budgets) do
    local index = window_index(budget.length, at)
    post(budget.account, index, 0, a.cost, kind == 3 and a.cost or 0)
    accounts[n] = budget.account .. '=' .. int(index) .. ';'
  end
  redis.call('HSET', RESERVATIONS, a.id,
    int(a.cost) .. '|' .. int(a.tokens) .. '|' .. a.on_expiry .. '|' .. int(at) .. '|' .. table.concat(accounts))
end

local function acquire(a, kind)
  local arrival, parts = now, 0
  if a.period > 0 then arrival = arrival_of(a.requests, a.period, a.burst) end
  if a.per_minute > 0 then parts = tokens_of(a.tokens_key, a.per_minute) end
  local function reply(verdict, wait, budget, at)
    local left, reset, tokens_left, tokens_reset = 0, 0, 0, 0
    if a.period > 0 then left, reset = request_level(arrival, a.period, a.burst) end
    if a.per_minute > 0 then tokens_left, tokens_reset = token_level(parts, a.per_minute) end
    local b = budget or {number = 0, spent = 0, reserved = 0, ends = 0}
    return {verdict, at or now, left, reset, tokens_left, tokens_reset, wait, b.number, b.spent, b.reserved, b.ends}
  end
  if redis.call('EXISTS', a.done) == 1 then return reply(CLOSED, 0) end
  local known = redis.call('HGET', RESERVATIONS, a.id)
  if known then
    hold_slot(a)
    redis.call('ZADD', LEASES, int(a.lease), a.id)
    return reply(REPEATED, 0, nil, tonumber(string.match(known, '^%d+|%d+|%a|(%d+)|')))
  end
  if kind ~= 3 then
    local budget = refusing_budget(a)
    if budget and budget.verdict == SPENT then return reply(SPENT, 0, budget) end
    if kind == 1 then
      local request_wait, token_wait = 0, 0
      if a.period > 0 then request_wait = math.max(0, arrival + a.period - a.period * a.burst - now) end
      if a.per_minute > 0 and a.tokens * PARTS > parts then
        token_wait = ceil_divide(a.tokens * PARTS - parts, a.per_minute)
      end
      if request_wait > 0 and request_wait >= token_wait then return reply(REQUESTS, request_wait) end
      if token_wait > 0 then return reply(TOKENS, token_wait) end
    end
    if a.slots > 0 and redis.call('ZCOUNT', a.slots_key, '(' .. int(now), '+inf') >= a.slots then
      return reply(CONCURRENCY, 1000000)
    end
    if budget then return reply(RESERVED, 0, budget) end
  end
  if kind == 1 and a.period > 0 then
    arrival = arrival + a.period
    redis.call('SET', a.requests, int(arrival), 'PX', math.ceil((arrival - now) / 1000) + 1000)
  end
  if kind == 1 and a.per_minute > 0 then parts = take_tokens(a.tokens_key, parts, a.per_minute, a.tokens) end
  admit(a, kind)
  return reply(ADMITTED, 0)
end

local settlements, kind = tonumber(ARGV[1]), tonumber(ARGV[2])
local wanted = kind > 0 and read_acquire()
local statuses = {}
for n = 1, settlements do statuses[n] = settle() end
local answer = {statuses}
if wanted then
  sweep(32)
  for _, value in ipairs(acquire(wanted, kind)) do answer[#answer + 1] = value end
end
flush()
return answer
`;
