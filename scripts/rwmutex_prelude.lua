-- rwmutex_prelude: what every script of the read-write lock begins with.
--
-- KEYS[1]  writer:  string, the token of the write hold
-- KEYS[2]  readers: sorted set, token -> end of its lease, in µs of server time
-- KEYS[3]  intents: sorted set, id of a waiting writer -> end of its place
-- KEYS[4]  writers: sorted set, id of a waiting writer -> when it came
-- KEYS[5]  waiters: sorted set, id of a waiting reader -> end of its place
-- KEYS[6]  line:    sorted set, id of a waiting reader -> when it came
--
-- All times are in µs of server time. An id is CHANNEL|REST, without a blank: whom a
-- release wakes, it tells on that channel. A place ends by itself unless the waiter's next try
-- renews it, and one that is told keeps it until it has what it waits for. Those who
-- have just got it, and whose places have ended, still stand among those who came,
-- until somebody looks who is first: a place that is put back is mostly where it was.
--
-- Where there is a writer there is no live lease: each is granted only where the
-- other is not. Leases that have ended may be left; they are removed before a
-- writer is granted, so that not even a clock that is set back revives them.
local WRITER, READERS, INTENTS = KEYS[1], KEYS[2], KEYS[3]
local WRITERS, WAITERS, LINE = KEYS[4], KEYS[5], KEYS[6]

local function text(number)
  return string.format('%.0f', number)
end

-- now is the server's clock in µs, below 2^53 and so exact, asked for once at
-- most. Lua would print it as 1.7e+15; text() does not.
local clock
local function now()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000000 + time[2]
  end
  return clock
end

-- isReading reports whether a token has a lease that has not ended.
local function isReading(token)
  local ends = redis.call('ZSCORE', READERS, token)
  return ends and tonumber(ends) > now()
end

-- isRead reports whether anybody has such a lease.
local function isRead()
  return redis.call('ZCOUNT', READERS, '(' .. text(now()), '+inf') > 0
end

-- isAwaited reports whether a writer waits.
local function isAwaited()
  return redis.call('ZCOUNT', INTENTS, '(' .. text(now()), '+inf') > 0
end

-- reapReaders removes leases that have ended. The key's own expiry does not: it
-- is that of the longest lease.
local function reapReaders()
  redis.call('ZREMRANGEBYSCORE', READERS, '-inf', text(now()))
end

-- reapIntents does the same for writers' places, and returns how many there were.
local function reapIntents()
  return redis.call('ZREMRANGEBYSCORE', INTENTS, '-inf', text(now()))
end

-- lease gives a token a lease of lifetime ms, and reports whether it did so. How
-- 'NX' it does not when the token has one already, 'XX' when it has none, and 'GT'
-- when that is longer.
-- The key's expiry only grows, as others' leases may need it.
local function lease(how, token, lifetime)
  if redis.call('ZADD', READERS, how, 'CH', text(now() + lifetime * 1000), token) == 0 then
    return false
  end
  if redis.call('PTTL', READERS) < tonumber(lifetime) then
    redis.call('PEXPIRE', READERS, lifetime)
  end
  return true
end

-- discard takes away the holds of the tokens in ARGV from an index on: read holds
-- where there are readers, and the write hold. It returns the writer that is left, and
-- whether the call's own token is one of them. What that has stays: an earlier run of
-- the same call gave it, and it may have been counted.
local function discard(first, writer, readers)
  local unique = false
  for i = first, #ARGV do
    local token = ARGV[i]
    if token == ARGV[1] then
      unique = true
    else
      if readers > 0 then
        redis.call('ZREM', READERS, token)
      end
      if writer == token then
        redis.call('DEL', WRITER)
        writer = false
      end
    end
  end
  return writer, unique
end

-- queue makes what only calls need that wait, or find others waiting: to make a
-- function takes about as long as a command.
local function queue()
  -- enqueueWriter gives a waiting writer a place for lifetime ms, at the end of the
  -- line, or renews the one it has. Both keys expire together.
  local function enqueueWriter(id, lifetime)
    redis.call('ZSCORE', WRITERS, id) -- fails on a key of another kind before anything is written
    lasting(lifetime)
    reapIntents()
    redis.call('ZADD', INTENTS, 'GT', text(now() + lifetime * 1000), id)
    redis.call('ZADD', WRITERS, 'NX', text(now()), id)
    if redis.call('PTTL', INTENTS) < tonumber(lifetime) then
      redis.call('PEXPIRE', INTENTS, lifetime)
      redis.call('PEXPIRE', WRITERS, lifetime)
    end
  end

  -- enqueueReader does the same for a waiting reader.
  local function enqueueReader(id, lifetime)
    redis.call('ZSCORE', LINE, id)
    lasting(lifetime)
    redis.call('ZADD', WAITERS, 'GT', text(now() + lifetime * 1000), id)
    redis.call('ZADD', LINE, 'NX', text(now()), id)
    if redis.call('PTTL', WAITERS) < tonumber(lifetime) then
      redis.call('PEXPIRE', WAITERS, lifetime)
      redis.call('PEXPIRE', LINE, lifetime)
    end
  end

  -- serveReader ends the wait of a reader that has got the lock.
  local function serveReader(id)
    redis.call('ZREM', WAITERS, id)
  end

  -- dequeueWriter takes a writer's place away, and reports whether it had one.
  local function dequeueWriter(id)
    local had = redis.call('ZREM', INTENTS, id) == 1
    redis.call('ZREM', WRITERS, id)
    return had
  end

  -- dequeueReader does the same for a reader.
  local function dequeueReader(id)
    local had = redis.call('ZREM', WAITERS, id) == 1
    redis.call('ZREM', LINE, id)
    return had
  end

  -- firstWriter returns the first writer in line, but for one, and when it came.
  -- Places that have ended are cleared away, up to 100 of them.
  --
  -- Most find at most one place that has ended, of the caller itself, which has what it
  -- waited for, and then the one to tell. So two are read at a time.
  local function firstWriter(but)
    local index, cleared = 0, 0
    while true do
      local found = redis.call('ZRANGE', WRITERS, index, index + 1, 'WITHSCORES')
      for i = 1, #found, 2 do
        local id = found[i]
        local ends = redis.call('ZSCORE', INTENTS, id)
        if ends and tonumber(ends) > now() then
          if id ~= but then
            return id, tonumber(found[i + 1])
          end
          index = index + 1
        elseif cleared == 100 then
          return nil
        else
          if ends then
            redis.call('ZREM', INTENTS, id)
          end
          redis.call('ZREM', WRITERS, id)
          cleared = cleared + 1
        end
      end
      if #found < 4 then
        return nil
      end
    end
  end

  -- writerMayPass reports whether a writer may have what is free: one that is in
  -- line, or any if nobody is. Newcomers that passed those in line would starve them.
  local function writerMayPass(id)
    local ends = redis.call('ZSCORE', INTENTS, id)
    return ends and tonumber(ends) > now()
      or not isAwaited() and redis.call('ZCOUNT', WAITERS, '(' .. text(now()), '+inf') == 0
  end

  -- readerMayPass reports whether a reader may read although a writer waits: it was
  -- in line before the first one.
  local function readerMayPass(id)
    local ends, came = redis.call('ZSCORE', WAITERS, id), redis.call('ZSCORE', LINE, id)
    if not came or not ends or tonumber(ends) <= now() then
      return false
    end
    local _, since = firstWriter('')
    return not since or tonumber(came) < since
  end

  -- tell tells the waiters with these ids, those of one process by one message: their
  -- ids, with blanks between.
  local function tell(ids)
    local channels, of = {}, {}
    for _, id in ipairs(ids) do
      local channel = string.match(id, '^[^|]*')
      if not of[channel] then
        channels[#channels + 1], of[channel] = channel, {}
      end
      table.insert(of[channel], id)
    end
    for _, channel in ipairs(channels) do
      redis.pcall('PUBLISH', channel, table.concat(of[channel], ' '))
    end
  end

  -- wake tells those whose turn it is, but for one, where there is no writer: all
  -- readers, up to 1000, that came before the first writer, or else that writer when
  -- nobody reads, which a caller may know: unread. It comes last in a script, and by pcall, as it must not fail what
  -- was done before. To publish needs a permission of its own; without it waiters
  -- find out by polling.
  local function wake(but, unread)
    local writer, since = firstWriter(but)
    local before = since and '(' .. text(since) or '+inf'
    local told = {}
    local readers = redis.call('ZRANGEBYSCORE', LINE, '-inf', before, 'LIMIT', 0, 1000)
    for _, id in ipairs(readers) do
      local ends = redis.call('ZSCORE', WAITERS, id)
      if not ends or tonumber(ends) <= now() then
        dequeueReader(id)
      elseif id ~= but then
        told[#told + 1] = id
      end
    end
    if writer and not told[1] and (unread or not isRead()) then
      told[1] = writer
    end
    tell(told)
  end

  -- wakeUnwritten does so unless there is a writer.
  local function wakeUnwritten(but)
    if redis.call('EXISTS', WRITER) == 0 then
      wake(but)
    end
  end

  -- announced is the answer to one that waits for the end of a token's hold: -1000-ms
  -- where a release tells those in line of it, and 0 where not. ms is how long it lasts
  -- yet. A token of Holdfast's is a UUID of version 7, perhaps with more behind it;
  -- others' holds end without a word, as those of a client of Redsync. Readers are all
  -- Holdfast's: there the token is nil.
  local function announced(token, ms)
    if token and not string.find(token, '^%x%x%x%x%x%x%x%x%-%x%x%x%x%-7%x%x%x%-') then
      return 0
    end
    return -1000 - math.max(ms, 0)
  end

  return {
    announced = announced,
    enqueueWriter = enqueueWriter, dequeueWriter = dequeueWriter,
    enqueueReader = enqueueReader, serveReader = serveReader, dequeueReader = dequeueReader,
    writerMayPass = writerMayPass, readerMayPass = readerMayPass,
    wake = wake, wakeUnwritten = wakeUnwritten,
  }
end

-- isLine reports whether anybody waits, or has until lately.
local function isLine()
  return redis.call('EXISTS', WRITERS, LINE) > 0
end
