-- ticket_prelude: tickets of those that wait. It comes before queue_prelude and rwmutex_prelude.
--
-- tickets returns two functions for the queue whose line and waiters are the keys of two
-- indexes: see queue_prelude. To make a function takes about as long as a command, so only
-- calls make these that wait, or find others waiting.
--
-- enqueue gives a waiter a ticket for so many ms, at the end of the line, or renews the one it
-- has. The keys' expiry only grows, as others may need it. The lifetime is MS, or MS:LOOK with
-- the number of the waiter's look, below 1,024. A key of another kind fails before the first
-- write. Where the queue reaps, tickets that have ended go first, which lets ZADD follow on a
-- server that is full.
--
-- dequeue takes a ticket away, and reports whether there was one.
local function tickets(line, waiters, reaps)
  local function enqueue(id, lifetime)
    redis.call('ZSCORE', KEYS[line], id)
    local ms, look = string.match(lifetime, '^(%d+):?(%d*)$')
    ms = lasting(ms or lifetime)
    local ends = now() + ms * 1000
    if look ~= '' then
      ends = ends - ends % 1024 + look
    end
    if reaps then
      redis.call('ZREMRANGEBYSCORE', KEYS[waiters], '-inf', now())
    end
    redis.call('ZADD', KEYS[waiters], 'GT', ends, id)
    redis.call('ZADD', KEYS[line], 'NX', now(), id)
    if redis.call('PTTL', KEYS[waiters]) < tonumber(ms) then
      redis.call('PEXPIRE', KEYS[line], ms)
      redis.call('PEXPIRE', KEYS[waiters], ms)
    end
  end

  local function dequeue(id)
    local had = redis.call('ZREM', KEYS[waiters], id) == 1
    redis.call('ZREM', KEYS[line], id)
    return had
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
