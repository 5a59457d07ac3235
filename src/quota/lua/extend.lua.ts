import { BOOKS_LUA } from './books.lua.js';
import { CALENDAR_LUA } from './calendar.lua.js';
import { RATES_LUA } from './rates.lua.js';

/**
 * Raises a live reservation to new totals, in the windows that it is booked in. Budgets are checked; tokens are taken
 * unchecked, as a debt where there are none, for an answer that runs cannot wait for a bucket.
 * KEYS 1 to 4, 5 tokens. ARGV id, tokens, cost, tokens per minute, then account, length, limit per budget.
 * Reply {1 raised, 2 lost, 3 spent, 4 reserved; admitted at, budget, spent, reserved, end}
 */
export const EXTEND_LUA = `${BOOKS_LUA}${CALENDAR_LUA}${RATES_LUA}
local RAISED, LOST, SPENT, RESERVED = 1, 2, 3, 4
local id, tokens, cost, per_minute = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local text = redis.call('HGET', RESERVATIONS, id)
if not text then return {LOST} end
local held, held_tokens, on_expiry, at, accounts = string.match(text, '^(%d+)|(%d+)|(%a)|(%d+)|(.*)$')
local more, more_tokens = math.max(0, cost - held), math.max(0, tokens - held_tokens)
for n = 5, #ARGV, 3 do
  local account, length, limit = ARGV[n], tonumber(ARGV[n + 1]), tonumber(ARGV[n + 2])
  local index = window_index(length, tonumber(at))
  local book = book_of(account)
  local place = (index == book[1] and 1) or (index == book[4] and 4)
  if more > 0 and place and book[place + 1] + book[place + 2] + more > limit then
    local verdict = book[place + 1] + more > limit and SPENT or RESERVED
    return {verdict, tonumber(at), (n - 2) / 3, book[place + 1], book[place + 2], window_end(length, index)}
  end
end
if more == 0 and more_tokens == 0 then return {RAISED, tonumber(at)} end
post_all(accounts, 0, more, 0)
if per_minute > 0 and more_tokens > 0 then
  take_tokens(KEYS[5], tokens_of(KEYS[5], per_minute), per_minute, more_tokens)
end
redis.call('HSET', RESERVATIONS, id,
  int(held + more) .. '|' .. int(held_tokens + more_tokens) .. '|' .. on_expiry .. '|' .. at .. '|' .. accounts)
flush()
return {RAISED, tonumber(at)}
`;
