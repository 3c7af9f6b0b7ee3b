-- mutex_pass: renew a lease that is to pass on inside its process, or give it up to those
-- who stand in line.
--
-- KEYS[1]  the lock's name
-- KEYS     the rest: see line_prelude
-- ARGV[1]  token that must hold the key
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
--
-- Returns  1  the token holds the key, which now lives for the new lifetime: nobody waits
--          2  the token held the key, which is gone now; the first in line is told
--          0  another token is there; nothing was written
--         -1  the key is missing; nothing was written
-- Error    WRONGTYPE when the key is not a string, or that of those who wait is of another
--          kind; nothing was written
--
-- Safe because it never creates a key, and acts only on the token it was given: it is
-- either mutex_extend or mutex_release, whose first writes need no memory. A second run
-- renews once more, or finds the key missing or another token there. Without the line's
-- keys nobody is seen to wait.
local holder = redis.call('GET', KEYS[1])
if not holder then
  return -1
end
if holder ~= ARGV[1] then
  return 0
end
local lifetime = lasting(ARGV[2])
if not LINE or redis.call('EXISTS', LINE) == 0 or queue().isEmpty() then
  redis.call('PEXPIRE', KEYS[1], lifetime)
  return 1
end
redis.call('DEL', KEYS[1])
pcall(wake, '')
return 2
