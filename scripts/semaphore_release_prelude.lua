-- semaphore_release_prelude: give a permit's slots back. It comes before the other
-- preludes, as mutex_release_prelude does.
--
-- KEYS and ARGV  see semaphore_release
local ticket = ARGV[2] or ''
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local had = ends and tonumber(ends) > time[1] * 1000000 + time[2] and 1 or -1
local freed = ends and redis.call('ZREM', KEYS[2], '0:' .. ARGV[1], '1:' .. ARGV[1])
if ends then
  redis.call('ZREM', KEYS[1], ARGV[1])
end
local isLine = KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1
if ticket == '' and freed ~= 2 and not isLine then
  return had
end
