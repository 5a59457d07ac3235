/**
 * Budget accounts, read once and written once per script. KEYS[1] leases, KEYS[2] reservations, KEYS[3] budgets,
 * KEYS[4] sums.
 * An account is one hash field `index,spent,reserved,index,spent,reserved`: the running window and the one before,
 * so that a roll-over can overwrite no charge and old windows vanish by themselves.
 * Sums are kept apart, for audits: `account=index` all charges, `account=index!` what no check had allowed.
 * A reservation is `cost|tokens|r or c|admitted at|account=index;account=index;`.
 */
export const BOOKS_LUA = `
local LEASES, RESERVATIONS, BUDGETS, SUMS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function int(n) return string.format('%d', n) end
local books, dirty, rolled, summed = {}, {}, false, false
local function book_of(account)
  local book = books[account]
  if book then return book end
  book = {0, 0, 0, 0, 0, 0}
  local text = redis.call('HGET', BUDGETS, account)
  if text then
    local at = 0
    for n in string.gmatch(text, '%-?%d+') do at = at + 1; book[at] = tonumber(n) end
  end
  books[account] = book
  return book
end
local function sum(account, index, spent, unchecked)
  local field = account .. '=' .. int(index)
  if spent ~= 0 then redis.call('HINCRBY', SUMS, field, int(spent)) end
  if unchecked ~= 0 then redis.call('HINCRBY', SUMS, field .. '!', int(unchecked)) end
  summed = true
end
local function post(account, index, spent, reserved, unchecked)
  local book = book_of(account)
  if index > book[1] then
    if book[4] > 0 then
      local gone = account .. '=' .. int(book[4])
      redis.call('HDEL', SUMS, gone, gone .. '!')
    end
    book[4], book[5], book[6] = book[1], book[2], book[3]
    book[1], book[2], book[3] = index, 0, 0
    rolled = true
  end
  local at = (index == book[1] and 1) or (index == book[4] and 4)
  if not at then return end
  book[at + 1] = book[at + 1] + spent
  book[at + 2] = book[at + 2] + reserved
  dirty[account] = true
  if spent ~= 0 or unchecked ~= 0 then sum(account, index, spent, unchecked) end
end
local function flush()
  local out = {'HSET', BUDGETS}
  for account in pairs(dirty) do
    local b = books[account]
    out[#out + 1] = account
    out[#out + 1] = string.format('%d,%d,%d,%d,%d,%d', b[1], b[2], b[3], b[4], b[5], b[6])
  end
  if #out > 2 then redis.call(unpack(out)) end
  if rolled then redis.call('EXPIRE', BUDGETS, 5616000) end
  if summed then redis.call('EXPIRE', SUMS, 5616000) end
end
local function take_reservation(id)
  local text = redis.call('HGET', RESERVATIONS, id)
  if not text then return nil end
  redis.call('HDEL', RESERVATIONS, id)
  redis.call('ZREM', LEASES, id)
  local cost, tokens, on_expiry, _, accounts = string.match(text, '^(%d+)|(%d+)|(%a)|(%d+)|(.*)$')
  return tonumber(cost), tonumber(tokens), on_expiry, accounts
end
local function post_all(accounts, spent, reserved, unchecked)
  for account, index in string.gmatch(accounts, '([^=;]+)=(%d+);') do
    post(account, tonumber(index), spent, reserved, unchecked)
  end
end
local function sweep(most)
  local dead = redis.call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, most)
  for _, id in ipairs(dead) do
    local cost, _, on_expiry, accounts = take_reservation(id)
    if cost then
      local charged = on_expiry == 'c'
      post_all(accounts, charged and cost or 0, -cost, 0)
      if charged then redis.call('SET', string.gsub(LEASES, 'lease$', 'done:') .. id, '1', 'EX', 3600) end
    else redis.call('ZREM', LEASES, id) end
  end
  return #dead
end
`;
