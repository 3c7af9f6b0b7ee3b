-- rwmutex_write_extend: renew the lifetime of a write lease.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must be the writer
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token is the writer, for the new lifetime
--          0  another writer is there, or a reader, be it this token itself after a
--             downgrade; nothing was written
--         -1  there is neither; nothing was written
-- Safe because it never creates a key: see mutex_extend.
local writer = redis.call('GET', WRITER)
if writer == ARGV[1] then
  redis.call('PEXPIRE', WRITER, lasting(ARGV[2]))
  return 1
end
return (writer or isRead()) and 0 or -1
