-- rwmutex_read_repair: put a read lease back where the node has forgotten it.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token of the lease
-- ARGV[2]  lifetime of the lease, in milliseconds from now, >= 1
-- Returns  1  the token has a lease, of this lifetime or longer
--          0  another writer is there
-- Safe because a lease is given only where there is no writer but this token, whose write
-- lease it replaces (a downgrade that has not arrived here). A writer's ticket does not
-- count: a majority has this reader, so the writer has to wait for it anyway. As it may
-- create the lease, a late run is a late acquire.
local token, lifetime = ARGV[1], lasting(ARGV[2])
local writer = redis.call('GET', WRITER)
if writer and writer ~= token then
  return 0
end
reapReaders()
if writer then
  redis.call('DEL', WRITER)
end
lease('GT', token, lifetime)
return 1
