-- mutex_acquire_prelude: take a lock that is free and has no waiters. It comes before the other
-- preludes, as most locks are free, and their functions take as long as two commands.
--
-- KEYS and ARGV  see mutex_acquire
local token, lifetime, ticket = ARGV[1], ARGV[2], ARGV[3]
local QUEUE = KEYS[#KEYS - 1]
local isQueue = ticket ~= '' and redis.call('EXISTS', QUEUE) == 1
if not isQueue and redis.call('SET', KEYS[1], token, 'NX', 'PX', lifetime) then
  return 1
end
