-- rwmutex_read_extend_alone: rwmutex_read_extend, with the readers' key only.
-- KEYS     see rwmutex_alone_prelude
-- ARGV[1]  token that must have a lease
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- Returns  1  the token has a lease, of the new lifetime or longer; a writer may wait
--        nil  it has none, or that has ended; it may be the writer. Nothing was written
-- Safe as rwmutex_read_extend is: where there is a live lease there is no writer.
local token, lifetime = ARGV[1], lasting(ARGV[2])
if not isReading(token) then
  return nil
end
-- PEXPIRE comes first, as it lets ZADD follow on a server that is full.
redis.call('PEXPIRE', READERS, math.max(redis.call('PTTL', READERS), lifetime))
redis.call('ZADD', READERS, 'XX', 'GT', now() + lifetime * 1000, token)
return 1
