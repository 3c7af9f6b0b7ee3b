-- semaphore_release_prelude: give a permit's slots back. It comes before the preludes of those
-- that wait, as mutex_release_prelude does.
--
-- KEYS and ARGV  see semaphore_release
local ticket = ARGV[2] or ''
local ends = redis.call('ZSCORE', LEASES, ARGV[1])
local had = ends and tonumber(ends) > now() and 1 or -1
if ends then
  free(ARGV[1])
end
if ticket == '' and not (KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1) then
  return had
end
