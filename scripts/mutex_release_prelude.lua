-- mutex_release_prelude: give a lease back that has no waiters. It comes before the other
-- preludes, as mutex_acquire_prelude does.
--
-- KEYS and ARGV  see mutex_release
local ticket, holder = ARGV[2] or '', redis.call('GET', KEYS[1])
local LINE = KEYS[#KEYS - 1]
if holder == ARGV[1] and ticket == '' and not (LINE and redis.call('EXISTS', LINE) == 1) then
  redis.call('DEL', KEYS[1])
  return 1
end
