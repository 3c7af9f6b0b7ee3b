-- rwmutex_write_acquire_prelude: take a write lock that is free and has no waiters. It comes before
-- rwmutex_prelude, as rwmutex_read_acquire_prelude does.
--
-- KEYS  see rwmutex_prelude
-- ARGV  see rwmutex_write_acquire
local token, lifetime, ticket = ARGV[1], lasting(ARGV[2]), ARGV[3]
if redis.call('EXISTS', KEYS[1], KEYS[2], KEYS[3], KEYS[4]) == 0 then
  redis.call('SET', KEYS[1], token, 'PX', lifetime)
  return 1
end
