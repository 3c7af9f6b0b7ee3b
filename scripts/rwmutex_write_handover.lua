-- rwmutex_write_handover: pass a write hold on from one token to another of the
-- same process.
--
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that takes over
-- ARGV[2]  lifetime of its hold, in milliseconds, >= 1
-- ARGV[3]  token that must be the writer
--
-- Returns  1  the writer was the old token, and is now the new one, for the full
--             lifetime
--          0  another writer is there, or a reader; nothing was written
--         -1  nobody is there; nothing was written
-- Error    WRONGTYPE when a key that it needs is of another kind; nothing was
--          written
--
-- Safe because it never creates a key, and acts only on the token it was given:
-- it is a release of one token and an acquire by another with nobody between.
local writer = redis.call('GET', WRITER)
if writer == ARGV[3] then
  redis.call('PEXPIRE', WRITER, lasting(ARGV[2])) -- lets SET follow on a server that is full
  redis.call('SET', WRITER, ARGV[1], 'PX', ARGV[2])
  return 1
end
if writer or isRead() then
  return 0
end
return -1
