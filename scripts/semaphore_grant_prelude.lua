-- semaphore_grant_prelude: how a release gives slots to a waiter. It follows grant_prelude and
-- semaphore_prelude.
--
-- grant gives the waiter's token the lowest free slots, as many as it waits for, takes the
-- ticket away, and returns the message: ID=LOOK:SLOTS. It returns nil, and the slots stay free,
-- where the waiter is to be notified only. It is called only where servesThose says that there
-- are as many.
local permits, occupied
local function grant(id, ends)
  local rest, ms, message = grantee(id, ends)
  local token, n, limit = string.match(rest or '', '^(.+):(%d+):(%d+)$')
  if not token or redis.call('ZSCORE', PERMITS, '=' .. token) then
    return nil
  end
  n = tonumber(n)
  local slots = permits.lowest(n, tonumber(limit), occupied)
  if not pcall(permits.give, token, slots, n, ms) then
    return nil
  end
  occupied = occupied + n
  redis.call('ZREM', QUEUE, id, '-' .. id)
  return message .. ':' .. permits.runs(slots, 1, n)
end

-- servesThose returns the serves of notify_prelude. Each waiter goes by its own limit, and
-- its slots are no more free for others. It frees slots of up to 100 leases that have ended.
local function servesThose()
  permits = reading()
  permits.reap()
  occupied = countSlots()
  local served = occupied
  return function(id)
    local n, limit = string.match(id, ':(%d+):(%d+)$')
    served = served + (tonumber(n) or 1)
    return served <= (tonumber(limit) or 0)
  end
end
