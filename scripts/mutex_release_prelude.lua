-- mutex_release_prelude: give a lease back that has no waiters. It comes before the other
-- preludes, as mutex_acquire_prelude does.
--
-- KEYS and ARGV  see mutex_release
local ticket, holder = ARGV[2] or '', redis.call('GET', KEYS[1])
local held = holder == ARGV[1]
local deleted = held and redis.call('DEL', KEYS[1], KEYS[#KEYS]) -- 2 with awaited: see ticket_prelude
if deleted == 1 and ticket == '' then
  return 1
end
