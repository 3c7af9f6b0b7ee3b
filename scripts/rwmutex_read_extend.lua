-- rwmutex_read_extend: renew a read lease.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must have a lease, or be the writer
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token has a lease, of the new lifetime or longer
--          2  the same, and a writer waits: no further reader should join
--          0  another writer is there; nothing was written
--         -1  the token has nothing, or its lease has ended; nothing was written
-- Safe because it gives a lease only to a token that holds the lock here: one that has ended
-- is not revived, however late the script runs. A token that is still the writer (a downgrade
-- has not arrived here) becomes a reader, with no other between. A lease only gets longer.
local token, lifetime = ARGV[1], lasting(ARGV[2])
local reading, awaited = isReading(token), isAwaited()
if reading then
  reapReaders() -- lets ZADD follow on a server that is full
else
  local writer = redis.call('GET', WRITER)
  if writer ~= token then
    return writer and 0 or -1
  end
  redis.call('DEL', WRITER)
end
lease('GT', token, lifetime)
return awaited and 2 or 1
