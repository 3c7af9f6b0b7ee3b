-- mutex_acquire_fenced_prelude: take a lock that is free and has no waiters, with one number.
-- It comes before the other preludes, as mutex_acquire_prelude does.
--
-- KEYS and ARGV  see mutex_acquire and fence_prelude
local QUEUE = KEYS[#KEYS - 1]
local counter, lifetime = redis.call('GET', KEYS[2]), ARGV[2]
if counter and ARGV[#ARGV] == '1' and #lifetime < 14 and redis.call('EXISTS', QUEUE) == 0
  and redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', lifetime) then
  counter = counter + 1
  redis.call('SET', KEYS[2], string.format('%.0f', counter), 'PX', string.format('%.0f', lifetime + 86400000))
  return counter
end
