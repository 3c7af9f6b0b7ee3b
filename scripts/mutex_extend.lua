-- mutex_extend: renew the lifetime of a lease.
-- KEYS[1]  the lock's name
-- ARGV[1]  token that must hold the key
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token holds the key, which now lives for the new lifetime
--          0  another token is there; nothing was written
--         -1  the key is missing; nothing was written
-- Safe because it never creates a key: a lease that this node has forgotten is not revived
-- by it, however late the script runs.
local holder = redis.call('GET', KEYS[1])
if holder ~= ARGV[1] then
  return holder and 0 or -1
end
redis.call('PEXPIRE', KEYS[1], lasting(ARGV[2]))
return 1
