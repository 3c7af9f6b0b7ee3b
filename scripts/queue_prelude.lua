-- queue_prelude: how waiters stand in line. Every script that lets a caller wait,
-- or ends a wait, begins with it.
--
-- KEYS[n-1]  line:    sorted set, id of a waiter -> when it came, in µs
-- KEYS[n]    waiters: sorted set, id of a waiter -> end of its place, in µs
-- where n is the number of keys, and both are of server time. A call may come without
-- them, with at most two keys: then there is no line to see, and nobody gets a place.
--
-- An id is CHANNEL|REST: whom a release wakes, it tells on that channel. A place
-- ends by itself unless the waiter's next try renews it, and a waiter that is told
-- keeps it until it has what it waits for. The line also has those who have just got
-- it, and those whose places have ended, until the next release: a place that is put
-- back is where it was. Both keys expire together, with the longest place.
local last = #KEYS > 2 and #KEYS or 0 -- there are no keys 0 and -1
local LINE, WAITERS = KEYS[last - 1], KEYS[last]

-- now is the server's clock in µs, below 2^53 and so exact, asked for once at most.
-- Lua would print it as 1.7e+15; text() does not.
local clock
local function now()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000000 + time[2]
  end
  return clock
end

-- serve ends the wait of one that gets what it waited for, and reports whether it was
-- in line. One whose place has ended still is, until somebody clears it away: it came
-- before those behind it.
local function serve(id)
  return redis.call('ZREM', WAITERS, id) == 1
end

-- queue makes what only calls need that wait, or find others waiting: to make a
-- function takes about as long as a command.
local function queue()
  local function text(number)
    return string.format('%.0f', number)
  end

  -- enqueue gives a waiter a place for lifetime ms, at the end of the line, or
  -- renews the one it has. The keys' expiry only grows, as others may need it. A key
  -- of another kind is found before anything is written.
  local function enqueue(id, lifetime)
    local stands = redis.call('ZSCORE', LINE, id)
    lasting(lifetime)
    redis.call('ZADD', WAITERS, 'GT', text(now() + lifetime * 1000), id)
    if not stands then
      redis.call('ZADD', LINE, text(now()), id)
    end
    if redis.call('PTTL', WAITERS) < tonumber(lifetime) then
      redis.call('PEXPIRE', LINE, lifetime)
      redis.call('PEXPIRE', WAITERS, lifetime)
    end
  end

  -- dequeue takes a waiter's place away, and reports whether it had one.
  local function dequeue(id)
    local had = redis.call('ZREM', WAITERS, id) == 1
    redis.call('ZREM', LINE, id)
    return had
  end

  -- isEmpty reports that nobody waits, so that a newcomer may have what is free.
  -- Newcomers that passed those in line would starve them.
  local function isEmpty()
    return redis.call('ZCOUNT', WAITERS, '(' .. text(now()), '+inf') == 0
  end

  -- mayPass reports whether a caller may have what is free.
  local function mayPass(id)
    return redis.call('ZSCORE', WAITERS, id) or isEmpty()
  end

  -- announced is the answer to one that waits for the end of a token's hold: -1000-ms
  -- where a release tells those in line of it, and 0 where not. ms is how long it lasts
  -- yet. A token of Holdfast's is a UUID of version 7, perhaps with more behind it;
  -- others' holds end without a word, as those of a client of Redsync.
  local function announced(token, ms)
    if not string.find(token, '^%x%x%x%x%x%x%x%x%-%x%x%x%x%-7%x%x%x%-') then
      return 0
    end
    return -1000 - math.max(ms, 0)
  end

  return {
    enqueue = enqueue, dequeue = dequeue, isEmpty = isEmpty, mayPass = mayPass, announced = announced,
  }
end
