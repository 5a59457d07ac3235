/**
 * Windows as in budget-window.ts; civil dates after Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms" (days_from_civil, civil_from_days).
 */
export const CALENDAR_LUA = `
local DAY_US = 86400000000
local function month_of(us)
  local z = math.floor(us / DAY_US) + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  return (yoe + era * 400 + (month <= 2 and 1 or 0)) * 12 + month - 1
end
local function month_start(index)
  local year, month = math.floor(index / 12), index % 12 + 1
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local yoe = year - era * 400
  local doy = math.floor((153 * ((month + 9) % 12) + 2) / 5)
  local doe = yoe * 365 + math.floor(yoe / 4) - math.floor(yoe / 100) + doy
  return (era * 146097 + doe - 719468) * DAY_US
end
local function window_index(length, us)
  if length > 0 then return math.floor(us / length) end
  return month_of(us)
end
local function window_end(length, index)
  if length > 0 then return (index + 1) * length end
  return month_start(index + 1)
end
`;
