-- rwmutex_downgrade: turn a write lease into a read lease of the same token.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must be the writer, or have a lease by an earlier run
-- ARGV[2]  lifetime of the lease, in milliseconds from now, >= 1
-- Returns  1  the token has a lease, of this lifetime or longer, and is not the writer
--          2  the same, and another writer waits: no further reader should join
--          0  another writer is there; nothing was written
--         -1  the token has nothing, or its lease has ended; nothing was written
-- Safe because deleting the writer and adding the lease are one atomic step, so that no
-- other writer comes between, and because it gives a lease only to a token that holds the
-- lock here. Run twice it renews the lease. It grants readers theirs that waited for this
-- writer, or notifies them.
local token, lifetime = ARGV[1], lasting(ARGV[2])
local writer = redis.call('GET', WRITER)
local awaited = isAwaited()
if writer and writer ~= token then
  return 0
elseif not writer and not isReading(token) then
  return -1
end
-- Readers of another kind fail here, before anything is written. ZADD may follow on a server
-- that is full.
reapReaders()
if writer then
  redis.call('DEL', WRITER)
end
lease('GT', token, lifetime)
if isQueue() then
  pcall(queue().notify, '', grantee, isAbsent)
end
return awaited and 2 or 1
