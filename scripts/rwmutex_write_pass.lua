-- rwmutex_write_pass: renew a write lease that is to pass on inside its process, or give
-- it up to those who stand in line.
--
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must be the writer
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
--
-- Returns  1  the token is the writer, for the new lifetime: nobody waits
--          2  the token was the writer, which is gone now; those whose turn it is are told
--          0  another writer is there, or a reader; nothing was written
--         -1  nobody is there; nothing was written
-- Error    WRONGTYPE when a key that it needs is of another kind; nothing was
--          written
--
-- Safe because it never creates a key, and acts only on the token it was given: it is
-- either rwmutex_write_extend or rwmutex_write_release, whose first writes need no memory.
-- A second run renews once more, or finds what has come after the release.
local writer = redis.call('GET', WRITER)
if writer ~= ARGV[1] then
  return (writer or isRead()) and 0 or -1
end
local lifetime = lasting(ARGV[2])
local waits = isLine() and (isAwaited() or redis.call('ZCOUNT', WAITERS, '(' .. text(now()), '+inf') > 0)
if not waits then
  redis.call('PEXPIRE', WRITER, lifetime)
  return 1
end
redis.call('DEL', WRITER)
pcall(queue().wake, '', true)
return 2
