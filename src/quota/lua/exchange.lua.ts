import { BOOKS_LUA } from './books.lua.js';
import { CALENDAR_LUA } from './calendar.lua.js';
import { RATES_LUA } from './rates.lua.js';

/**
 * Settlements first, then acquires, in the order in which they came, in one atomic round trip of one org.
 * KEYS  1 leases, 2 reservations, 3 budgets, 4 sums; then per plan: requests, tokens, slots of its key; then per
 *       settlement and per acquire: done
 * ARGV  1 words between blanks: lease µs, r or c, plans, settlements, acquires; then per plan: period µs, burst,
 *       tokens per minute, slots, budgets, per budget account, length, limit; then per settlement: plan, id, cost,
 *       tokens reserved, tokens used, admitted at; then per acquire: plan, kind (1 new, 2 regain, 3 restore), id,
 *       tokens, cost, admitted at
 * Reply numbers between blanks: expired; per settlement its status; per acquire verdict, now, requests left, reset,
 *       tokens left, reset, wait, budget, spent, reserved, end. One text is read faster than a list.
 */
export const EXCHANGE_LUA = `${BOOKS_LUA}${CALENDAR_LUA}${RATES_LUA}
local SETTLED, OVERRUN, LATE, ALREADY, UNKNOWN = 1, 2, 3, 4, 5
local ADMITTED, REPEATED, CLOSED, REQUESTS, TOKENS, CONCURRENCY, SPENT, RESERVED = 1, 2, 3, 4, 5, 6, 7, 8
local key_at = 4
local function next_key() key_at = key_at + 1; return KEYS[key_at] end
local next_word = string.gmatch(ARGV[1], '%S+')
local function next_number() return tonumber(next_word()) end

local function read_plan()
  local plan = {requests = next_key(), tokens_key = next_key(), slots_key = next_key(), budgets = {}}
  plan.period, plan.burst, plan.per_minute, plan.slots = next_number(), next_number(), next_number(), next_number()
  for n = 1, next_number() do
    plan.budgets[n] = {account = next_word(), length = next_number(), limit = next_number()}
  end
  return plan
end

local function settle(plan)
  local done, id = next_key(), next_word()
  local cost, reserved_tokens, used, at = next_number(), next_number(), next_number(), next_number()
  if redis.call('EXISTS', done) == 1 then return ALREADY end
  local held, held_tokens, _, accounts = take_reservation(id)
  if not held and at == 0 then
    if cost == 0 and used == 0 then redis.call('SET', done, '1', 'EX', 3600) end
    return UNKNOWN
  end
  redis.call('SET', done, '1', 'EX', 3600)
  if plan.slots > 0 then redis.call('ZREM', plan.slots_key, id) end
  local refund = (held_tokens or reserved_tokens) - used
  if plan.per_minute > 0 and refund ~= 0 then
    take_tokens(plan.tokens_key, tokens_of(plan.tokens_key, plan.per_minute), plan.per_minute, -refund)
  end
  if held then
    post_all(accounts, cost, -held, math.max(0, cost - held))
    return cost > held and OVERRUN or SETTLED
  end
  for _, budget in ipairs(plan.budgets) do
    post(budget.account, window_index(budget.length, at), cost, 0, cost)
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

local lease_us, on_expiry = next_number(), next_word()
local plan_count, settlements, acquires = next_number(), next_number(), next_number()
local plans, answer = {}, {0}
for n = 1, plan_count do plans[n] = read_plan() end
for _ = 1, settlements do answer[#answer + 1] = settle(plans[next_number()]) end
if acquires > 0 then answer[1] = sweep(32) end
for _ = 1, acquires do
  local a = setmetatable({lease = now + lease_us, on_expiry = on_expiry}, {__index = plans[next_number()]})
  local kind = next_number()
  a.done, a.id, a.tokens, a.cost, a.at = next_key(), next_word(), next_number(), next_number(), next_number()
  for _, value in ipairs(acquire(a, kind)) do answer[#answer + 1] = value end
end
flush()
for n, value in ipairs(answer) do answer[n] = int(value) end
return table.concat(answer, ' ')
`;
