-- inspect_prelude: what every script begins with that shows a lock. All of them
-- only read, and answer
--
--   {holders, held, waiters, waiting, fence}
--   holders  token, mode, ms, slots, and so on: those that are shown. Mode is
--            'exclusive', 'write', 'read' or 'permit'. ms is how long the lease
--            lasts yet, and -1 where the key has no expiry. slots are a permit's, as
--            "3-4,7", or ""
--   held     how many holders there are
--   waiters  id, mode, µs, and so on: those that are shown, each kind in its order. µs
--            is how long ago it came
--   waiting  how many waiters there are
--   fence    the counter of fencing tokens, in decimal, or ""
--
-- ARGV[1]  how many holders, and how many waiters of a kind, are shown at most, >= 1
--
-- A reply has at most some 3 MiB, whatever is in the keys, and costs what it shows and
-- at most 1,000 places that have ended. A key of another type is an error that names it.
local LIMIT, ROOM = tonumber(ARGV[1]), 1048576

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local NOW = string.format('%.0f', now) -- Lua would print it as 1.7e+15

-- mismatch returns an error reply where a key is not of the type that it should have.
local function mismatch(...)
  local types = {...}
  for i, key in ipairs(KEYS) do
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= types[i] then
      return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found .. ', and of this lock it would be a ' .. types[i])
    end
  end
end

-- ago is how long ago a score was, and left how long it lies ahead, in µs. A score may be
-- anything, as may the key.
local function ago(score)
  return math.max(0, math.min(now - (tonumber(score) or 0), now))
end

local function left(score)
  return math.max(0, math.min((tonumber(score) or 0) - now, now))
end

-- text returns the string in KEYS[at], or "". What is longer than any token is an error.
local function text(at)
  local size = redis.call('STRLEN', KEYS[at])
  if size > 65536 then
    return nil, redis.error_reply('ERR ' .. KEYS[at] .. ' has ' .. size .. ' bytes, which is no token')
  end
  return redis.call('GET', KEYS[at]) or ''
end

-- writer adds the token in KEYS[at] to the holders, and returns how many these are.
local function writer(at, mode, holders)
  if redis.call('EXISTS', KEYS[at]) == 0 then
    return 0
  end
  local token, wrong = text(at)
  if wrong then
    return 0, wrong
  end
  holders[1], holders[2], holders[3], holders[4] = token, mode, redis.call('PTTL', KEYS[at]), ''
  return 1
end

-- queue adds those who wait in the queue KEYS[at] to the waiters, in their order, and returns
-- how many there are.
local function queue(at, mode, waiters)
  local live = redis.call('ZCOUNT', KEYS[at], '(' .. NOW, '+inf')
  local shown, index, size = 0, 0, 0
  while shown < math.min(live, LIMIT) and index < shown + 1000 and size < ROOM do
    local chunk = redis.call('ZRANGE', KEYS[at], index, index + 99, 'WITHSCORES')
    for i = 1, #chunk, 2 do
      local id = string.sub(chunk[i], 2)
      local ends = string.byte(chunk[i]) == 45 and redis.call('ZSCORE', KEYS[at], id) -- a minus
      if ends and left(ends) > 0 and shown < LIMIT and size < ROOM then
        id = string.sub(id, 1, 1024)
        shown, size = shown + 1, size + #id
        waiters[#waiters + 1] = id
        waiters[#waiters + 1] = mode
        waiters[#waiters + 1] = ago((tonumber(chunk[i + 1]) or 0) + 4000000000000000)
      end
    end
    index = index + 100
    if #chunk < 200 then
      break
    end
  end
  return live
end
