-- ticket_prelude: tickets of those that wait. It comes before queue_prelude and rwmutex_prelude.
--
-- A queue is a sorted set. A waiter has two members there, and times are in µs of server time:
--
--   id   -> end of its ticket
--   -id  -> when it came, less 4·10¹⁵, and so below zero: the first ones are those that came
--           first, in their order
--
-- An id is CHANNEL|REST: a release notifies it on that channel, or grants it the lock: see
-- grant_prelude. Of such a ticket's end the part below 1,024 µs is the number of the waiter's
-- last look, so that both are written in one step. A ticket ends by itself unless the waiter's
-- next try renews it; a waiter that is notified keeps it until it has the lock. When it came
-- stays until the next release, so that a ticket that is put back is where it was. The key
-- expires with the longest ticket.
--
-- awaited is a string that says that there may be waiters: it is there for as long as any has
-- a ticket, but may be there without. So a release deletes it together with the lock, and knows
-- by the number whether to look. A release that leaves waiters behind writes it again. Where a
-- release deletes no key there is none.
--
-- await writes awaited, which is KEYS[at], for longer than any ticket lasts, or deletes it
-- where nobody waits.
local function await(at, waiting)
  if waiting and KEYS[at] then
    redis.pcall('SET', KEYS[at], 1, 'PX', 8000)
  elseif KEYS[at] then
    redis.call('DEL', KEYS[at])
  end
end

-- tickets returns two functions for the queue KEYS[at]. To make a function takes about as long as a
-- command, so only calls make these that wait, or find others waiting.
--
-- enqueue gives a waiter a ticket for so many ms, at the end of the queue, or renews the one it
-- has. The key's expiry only grows, as others may need it. The lifetime is MS, or MS:LOOK with
-- the number of the waiter's look, below 1,024. A key of another kind fails before the first
-- write. Where the queue reaps, tickets that have ended go first, which lets ZADD follow on a
-- server that is full.
--
-- dequeue takes a ticket away, and reports whether there was one.
local function tickets(at, awaited, reaps)
  local function enqueue(id, lifetime)
    local came = redis.call('ZSCORE', KEYS[at], '-' .. id)
    local ms, look = string.match(lifetime, '^(%d+):?(%d*)$')
    ms = lasting(ms or lifetime)
    local ends = now() + ms * 1000
    if look ~= '' then
      ends = ends - ends % 1024 + look
    end
    if reaps then
      redis.call('ZREMRANGEBYSCORE', KEYS[at], 0, now())
    end
    if came then
      redis.call('ZADD', KEYS[at], 'GT', ends, id)
    else
      redis.call('ZADD', KEYS[at], ends, id, now() - 4000000000000000, '-' .. id)
    end
    if redis.call('PTTL', KEYS[at]) < tonumber(ms) then
      redis.call('PEXPIRE', KEYS[at], ms)
    end
    await(awaited, true)
  end

  local function dequeue(id)
    return redis.call('ZREM', KEYS[at], id, '-' .. id) == 2
  end

  return enqueue, dequeue
end

-- announced is the answer to a waiter for the end of a token's lease, which lasts for ms:
-- -1000-ms where its release notifies waiters, and 0 where not. A token of Holdfast's is a
-- UUID of version 7, perhaps with more behind it; clients of Redsync notify no waiters. Readers
-- are all Holdfast's: their token is nil.
local function announced(token, ms)
  if token and not string.find(token, '^%x%x%x%x%x%x%x%x%-%x%x%x%x%-7%x%x%x%-') then
    return 0
  end
  return -1000 - math.max(ms, 0)
end
