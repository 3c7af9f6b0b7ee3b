-- rwmutex_alone_prelude: what scripts begin with that get no key of a read-write lock but
-- that of its readers.
--
-- KEYS[1]  readers: see rwmutex_prelude
local READERS = KEYS[1]

-- isReading reports whether a token has a lease that has not ended.
local function isReading(token)
  local ends = redis.call('ZSCORE', READERS, token)
  return ends and tonumber(ends) > now()
end
