-- mutex_extend_or_set: renew a lease, or set it where it is missing (WithSetNXOnExtend).
-- KEYS[1]  the lock's name
-- ARGV[1]  token that must hold the key
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token holds the key, which now lives for the new lifetime
--          0  another token is there; nothing was written
-- Looser than mutex_extend on purpose: it counts a node that lost the lease as if it had
-- kept it, and can revive a lease after another client's. As it may create the key, a late
-- run is a late acquire.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
elseif holder then
  redis.call('PEXPIRE', KEYS[1], lasting(ARGV[2]))
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', lasting(ARGV[2]))
end
return 1
