-- rwmutex_write_pass: renew a write lease that is to pass on inside its process, and look for
-- waiters.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must be the writer
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token is the writer, for the new lifetime
--          2  the same, but others wait: the lease should be released
--          0  another writer is there, or a reader; nothing was written
--         -1  there is neither; nothing was written
-- Safe because it never creates or deletes a key: see mutex_pass.
local writer = redis.call('GET', WRITER)
if writer ~= ARGV[1] then
  return (writer or isRead()) and 0 or -1
end
local waits = isQueue() and (isAwaited() or redis.call('ZCOUNT', WAITERS, now() + 1, '+inf') > 0)
redis.call('PEXPIRE', WRITER, lasting(ARGV[2]))
return waits and 2 or 1
