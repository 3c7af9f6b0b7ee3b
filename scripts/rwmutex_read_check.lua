-- rwmutex_read_check: does a token hold the lock for reading?
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token to look for
-- Returns  1  the token has a lease that has not ended, or is the writer (a downgrade that
--             has not arrived here)
--          0  another writer is there
--         -1  the token has nothing, or its lease has ended
-- Writes nothing.
if isReading(ARGV[1]) then
  return 1
end
local writer = redis.call('GET', WRITER)
if not writer then
  return -1
end
return writer == ARGV[1] and 1 or 0
