-- rwmutex_prelude: what every script of the read-write lock begins with.
--
-- KEYS[1]  writer:  string, the token of the write lease
-- KEYS[2]  readers: sorted set, token -> end of its lease
-- KEYS[3]  writers: the queue of writers: see ticket_prelude
-- KEYS[4]  waiters: the queue of readers
-- KEYS[5]  awaited: see ticket_prelude
--
-- All times are in µs of server time. An id has no blank. Where there is a writer there is no live lease: each is granted only where the
-- other is not. Leases that have ended may be left; they are removed before a writer is
-- granted, so that not even a clock that is set back revives them.
local WRITER, READERS = KEYS[1], KEYS[2]
local WRITERS, WAITERS = KEYS[3], KEYS[4]

-- isReading reports whether a token has a live lease, isRead whether any token has, and
-- isAwaited whether a writer waits.
local function isReading(token)
  local ends = redis.call('ZSCORE', READERS, token)
  return ends and tonumber(ends) > now()
end

local function isRead()
  return redis.call('ZCOUNT', READERS, now() + 1, '+inf') > 0
end

local function isAwaited()
  return redis.call('ZCOUNT', WRITERS, now() + 1, '+inf') > 0
end

-- reapReaders removes leases that have ended: the key's own expiry is that of the longest
-- lease.
local function reapReaders()
  redis.call('ZREMRANGEBYSCORE', READERS, '-inf', now())
end

-- lease gives a token a lease of lifetime ms, as ZADD with how does, and reports whether it
-- changed anything. The key's expiry only grows, as others' leases may need it.
local function lease(how, token, lifetime)
  if redis.call('ZADD', READERS, how, 'CH', now() + lifetime * 1000, token) == 0 then
    return false
  end
  if redis.call('PTTL', READERS) < tonumber(lifetime) then
    redis.call('PEXPIRE', READERS, lifetime)
  end
  return true
end

-- discard takes away the leases of the tokens in ARGV from an index on. It returns the
-- writer that is left, and whether the call's own token is among them. What that has stays:
-- an earlier run of the same call gave it, and it may have been counted.
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

-- queue makes what only calls need that wait, or find others waiting: see ticket_prelude.
local function queue()
  local enqueueWriter, dequeueWriter = tickets(3, 5, true)
  local enqueueReader, dequeueReader = tickets(4, 5)

  -- firstWriter returns the first writer that waits, but for one, and but for those for which
  -- isAbsent, when it came, and the end of its ticket. It clears away up to 100 tickets that have
  -- ended, and reads two at a time: see notify in notify_prelude.
  local function firstWriter(but, isAbsent)
    local index, cleared = 0, 0
    repeat
      local found = redis.call('ZRANGE', WRITERS, index, index + 1, 'WITHSCORES')
      for i = 1, #found, 2 do
        if string.byte(found[i]) ~= 45 then -- a minus; what follows are the tickets
          return nil
        end
        local id = string.sub(found[i], 2)
        local ends = redis.call('ZSCORE', WRITERS, id)
        if ends and tonumber(ends) > now() then
          if id ~= but and (index > 100 or not isAbsent or not isAbsent(id)) then
            return id, tonumber(found[i + 1]), ends
          end
          index = index + 1
        elseif cleared == 100 then -- those behind came later
          return nil, tonumber(found[i + 1])
        else
          dequeueWriter(id)
          cleared = cleared + 1
        end
      end
    until #found < 4
  end

  -- writerMayPass reports whether a writer may have what is free: one with a ticket, or any
  -- where there are none.
  local function writerMayPass(id)
    local ends = redis.call('ZSCORE', WRITERS, id)
    return ends and tonumber(ends) > now()
      or not isAwaited() and redis.call('ZCOUNT', WAITERS, now() + 1, '+inf') == 0
  end

  -- readerMayPass reports whether a reader came before the first writer that waits, but for those
  -- for which isAbsent.
  local function readerMayPass(id, isAbsent)
    local ends, came = redis.call('ZSCORE', WAITERS, id), redis.call('ZSCORE', WAITERS, '-' .. id)
    if not came or not ends or tonumber(ends) <= now() then
      return false
    end
    local _, since = firstWriter('', isAbsent)
    return not since or tonumber(came) < since
  end

  -- publish publishes messages, those to one process in one: with blanks between.
  local function publish(messages)
    local channels, of = {}, {}
    for _, message in ipairs(messages) do
      local channel = string.match(message, '^[^|]*')
      if not of[channel] then
        channels[#channels + 1], of[channel] = channel, {}
      end
      table.insert(of[channel], message)
    end
    for _, channel in ipairs(channels) do
      redis.pcall('PUBLISH', channel, table.concat(of[channel], ' '))
    end
  end

  -- grantReader and grantWriter give a waiter its lease, take its ticket away, and return the
  -- message; or its id, where it is to be notified only: see grant_prelude.
  local function grantReader(id, ends, grantee)
    local token, ms, message = grantee(id, ends)
    local ok, new
    if token then
      ok, new = pcall(lease, 'NX', token, ms)
    end
    if not ok or not new then
      return id
    end
    dequeueReader(id)
    return message
  end

  local function grantWriter(id, ends, grantee)
    local token, ms, message = grantee(id, ends)
    if not token or redis.pcall('SET', WRITER, token, 'PX', ms).err then
      return id
    end
    reapReaders()
    dequeueWriter(id)
    return message
  end

  -- notify grants or notifies the next waiters, but for one, where there is no writer: all
  -- readers, up to 1000, that came before the first writer, or else that writer when nothing is
  -- read, which a caller may know: unread. Those who are absent it passes by. It comes last, by
  -- pcall: see notify_prelude.
  local function notify(but, grantee, isAbsent, unread)
    local writer, since, expires = firstWriter(but, isAbsent)
    local before = since and since - 1 or '(0'
    local messages = {}
    for _, place in ipairs(redis.call('ZRANGEBYSCORE', WAITERS, '-inf', before, 'LIMIT', 0, 1000)) do
      local id = string.sub(place, 2)
      local ends = redis.call('ZSCORE', WAITERS, id)
      if not ends or tonumber(ends) <= now() then
        dequeueReader(id)
      elseif id ~= but and not isAbsent(id) then
        messages[#messages + 1] = grantReader(id, ends, grantee)
      end
    end
    if writer and not messages[1] and (unread or not isRead()) then
      messages[1] = grantWriter(writer, expires, grantee)
    end
    publish(messages)
  end

  return {
    enqueueWriter = enqueueWriter, dequeueWriter = dequeueWriter, writerMayPass = writerMayPass,
    enqueueReader = enqueueReader, dequeueReader = dequeueReader, readerMayPass = readerMayPass,
    notify = notify,
  }
end

-- isQueue reports whether there are waiters, or were lately.
local function isQueue()
  return redis.call('EXISTS', WRITERS, WAITERS) > 0
end
