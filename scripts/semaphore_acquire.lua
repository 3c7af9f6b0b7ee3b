-- semaphore_acquire: take n slots for a token, all or none, or get a ticket.
-- KEYS     see semaphore_prelude
-- ARGV[1]  token: the value that marks the permit
-- ARGV[2]  lifetime of the permit, in milliseconds, >= 1
-- ARGV[3]  limit: slots 0 … limit-1 may be taken
-- ARGV[4]  n: how many slots to take, 1 … limit
-- ARGV[5]  the slots to take, as "3-4,7"; or "" to take the lowest free ones
-- ARGV[6]  how many free slots to list; 0 to list none, nor those above
-- ARGV[7]  id of the caller's ticket, which ends with ":n:limit"; or "" for a try that
--          neither waits nor stands behind waiters
-- ARGV[8]  lifetime of the ticket, in milliseconds, >= 1; not read without an id
-- ARGV[9]  and on: this one itself first, where it is known to be unique, and tokens that
--          may be replaced, which their maker has given up. Their slots are free again, also
--          when this call is refused; its own only if it asks for others than it has
-- Returns  "granted free above", or only "granted" where it is not to list
--   0        refused, where it is not to list: too few slots are free, or others wait and
--            the caller had no ticket; it has one now
--   ms       to a caller with a ticket, as too few slots are free: "granted free above ms",
--            or -1000-ms where it is not to list. The first permit ends in ms, unless it is
--            renewed; a release notifies waiters before
--   granted  the slots that the token now has, as "3-4,7"; "" when it was refused
--   free     the lowest slots below the limit that were free, at most ARGV[6] of them;
--            without the granted ones if the node chose those
--   above    the lowest 64 occupied slots at or above limit-32, other than this grant's
-- Safe because a slot is given to one token only, and never above the limit, and because as
-- many slots stay free as are occupied beyond the limit on this node; over several nodes the
-- client has to see to that. Run twice with a unique token it gives once and renews. A call
-- costs as much as the slots that it gives or lists, and a binary search for each gap between
-- occupied slots. Of leases that have ended it frees as many as it needs, up to 1000 tokens.
-- semaphore_acquire_prelude has tried what most calls can.
lasting(lifetime)
local permits = reading()

local function reply(granted, free, above)
  if listing == 0 then
    return granted ~= '' and granted or 0
  end
  return granted .. ' ' .. free .. ' ' .. above
end

local reaped = permits.reap()
for i = 9, #ARGV do
  if ARGV[i] ~= token and redis.call('ZSCORE', PERMITS, '=' .. ARGV[i]) then
    free(ARGV[i])
  end
end

-- A second run leaves what the first one gave where it is, as it may have been counted.
local own, count
if unique then
  own, count = permits.slotsOf(token)
end
if own and count == n and (wanted == '' or wanted == own) then
  permits.outlast(lifetime)
  redis.call('ZADD', PERMITS, 'XX', now() + lifetime * 1000, '=' .. token)
  if isQueue then
    redis.call('ZREM', QUEUE, ticket)
  end
  return reply(own, '', '')
elseif own then
  free(token)
end
occupied = countSlots()
for _ = 2, 10 do
  if reaped < 100 or occupied + n <= limit then
    break
  end
  reaped = permits.reap()
  occupied = countSlots()
end

-- A token that is still here was not made by this caller.
local foreign = not unique and redis.call('ZSCORE', PERMITS, '=' .. token)
local waiters = ticket ~= '' and queue()
if isQueue and not waiters.mayPass(ticket) then -- no slots are listed that it might ask for
  waiters.enqueue(ticket, ARGV[8])
  return reply('', '', '')
end
local fits = occupied + n <= limit and not foreign

-- numbers reads slots that are written as runs.
local function numbers(text)
  local slots = {}
  for from, to in string.gmatch(text, '(%d+)-?(%d*)') do
    for slot = tonumber(from), tonumber(to) or tonumber(from) do
      slots[#slots + 1] = slot
    end
  end
  return slots
end

-- isFree reports that slots can be given, run by run.
local function isFree(text)
  for from, to in string.gmatch(text, '(%d+)-?(%d*)') do
    to = tonumber(to) or tonumber(from)
    if to >= limit or redis.call('ZCOUNT', PERMITS, from, to) > 0 then
      return false
    end
  end
  return true
end

-- take gives slots to the token, which ends the caller's wait.
local function take(slots)
  permits.give(token, slots, n, lifetime)
  if isQueue then
    redis.call('ZREM', QUEUE, ticket)
  end
end

local above, free = '', ''
if listing > 0 then
  local slots = permits.taken(redis.call('ZRANGEBYSCORE', PERMITS, limit - 32, MAXSLOT, 'WITHSCORES', 'LIMIT', '0', '64'))
  above = permits.runs(slots, 1, #slots)
end
if fits and wanted == '' then
  local slots = permits.lowest(n + listing, limit, occupied)
  take(slots)
  return reply(permits.runs(slots, 1, n), permits.runs(slots, n + 1, #slots), above)
end
if listing > 0 then
  local slots = permits.lowest(listing, limit, occupied)
  free = permits.runs(slots, 1, #slots)
end
if fits and isFree(wanted) then
  take(numbers(wanted))
  return reply(wanted, free, above)
end
if waiters then
  waiters.enqueue(ticket, ARGV[8])
  if occupied + n > limit then
    local first = redis.call('ZRANGE', PERMITS, occupied, occupied, 'WITHSCORES')[2]
    local ms = math.max(math.ceil((first - now()) / 1000), 0)
    return listing == 0 and -1000 - ms or reply('', free, above) .. ' ' .. ms
  end
end
return reply('', free, above)
