-- rwmutex_read_handover: pass a write hold on to readers of the same process.
--
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token of the readers' lease
-- ARGV[2]  lifetime of the lease, in milliseconds, >= 1
-- ARGV[3]  token that must be the writer
--
-- Returns  1  the writer was the old token, or this ran before; there is none now, and
--             the new token has a lease, for the full lifetime
--          2  the same, and another writer waits: no further reader should join
--          0  another writer is there, or a reader; nothing was written
--         -1  nobody is there; nothing was written
-- Error    WRONGTYPE when a key that it needs is of another kind; nothing was
--          written
--
-- Safe because deleting the writer and adding the lease are one atomic step, so that
-- no other writer comes between (readers that waited for this one are told), and
-- because it acts only on the token it was given: what this node has forgotten is not
-- revived. Unlike a downgrade it begins a hold of its own, with a token of its own: a
-- late release or extension of the old one finds nothing.
local token, lifetime = ARGV[1], lasting(ARGV[2])
local writer = redis.call('GET', WRITER)
local awaited = isAwaited()
if writer ~= ARGV[3] and (writer or not isReading(token)) then
  if writer or isRead() then
    return 0
  end
  return -1
end
return lend(writer, token, lifetime, awaited)
