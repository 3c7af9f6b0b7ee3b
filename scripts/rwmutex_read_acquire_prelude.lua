-- rwmutex_read_acquire_prelude: take a read lease where no writer is and no client waits. It comes
-- before rwmutex_prelude, whose functions take as long as ten commands.
--
-- KEYS  see rwmutex_prelude
-- ARGV  see rwmutex_read_acquire
--
-- A readers' key that is new has no expiry yet. In one that was there before, leases may have
-- ended, which it removes.
local token, lifetime, ticket = ARGV[1], lasting(ARGV[2]), ARGV[3]
if (#ARGV == 4 or #ARGV == 5 and ARGV[#ARGV] == token)
  and redis.call('EXISTS', KEYS[1], KEYS[3], KEYS[4]) == 0
  and redis.call('ZADD', KEYS[2], 'NX', now() + lifetime * 1000, token) == 1 then
  local left = redis.call('PTTL', KEYS[2])
  if left < tonumber(lifetime) then
    redis.call('PEXPIRE', KEYS[2], lifetime)
  end
  if left >= 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now())
  end
  return 1
end
