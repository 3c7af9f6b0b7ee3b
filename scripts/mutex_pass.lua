-- mutex_pass: renew a lease that is to pass on inside its process, and look for waiters.
-- KEYS[1]  the lock's name; the others: see mutex_prelude
-- ARGV[1]  token that must hold the key
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token holds the key, which now lives for the new lifetime
--          2  the same, but others wait: the lease should be released
--          0  another token is there; nothing was written
--         -1  the key is missing; nothing was written
-- Safe because it never creates or deletes a key: a late run renews at most what is held. To
-- release in the same step would be unsafe, as it could take away what was counted since.
local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then
  return holder and 0 or -1
end
local waits = QUEUE and redis.call('EXISTS', QUEUE) == 1 and not queue().isEmpty()
redis.call('PEXPIRE', KEYS[1], lasting(ARGV[2]))
return waits and 2 or 1
