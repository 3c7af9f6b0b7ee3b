-- semaphore_release_prelude: give a permit's slots back. It comes before the other
-- preludes, as mutex_release_prelude does.
--
-- KEYS and ARGV  see semaphore_release
local token, ticket = ARGV[1], ARGV[2] or ''
local ends, time = redis.call('ZSCORE', KEYS[1], '=' .. token), redis.call('TIME')
local had = ends and tonumber(ends) > time[1] * 1000000 + time[2] and 1 or -1
local freed = ends and redis.call('ZREM', KEYS[1], '=' .. token, '0:' .. token, '1:' .. token)
local isQueue = KEYS[2] and redis.call('EXISTS', KEYS[2]) == 1
if ticket == '' and freed ~= 3 and not isQueue then
  return had
end
