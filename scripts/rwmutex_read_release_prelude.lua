-- rwmutex_read_release_prelude: give a read lease back where no client waits. It comes before
-- rwmutex_prelude, as rwmutex_read_acquire_prelude does.
--
-- KEYS  see rwmutex_prelude
-- ARGV  see rwmutex_read_release
local token, ticket = ARGV[1], ARGV[2] or ''
local ends = redis.call('ZSCORE', KEYS[2], token)
local had = ends and tonumber(ends) > now()
local awaited = redis.call('EXISTS', KEYS[3], KEYS[4]) > 0
if had and ticket == '' and not awaited then
  redis.call('ZREM', KEYS[2], token)
  return 1
end
