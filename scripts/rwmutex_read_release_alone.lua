-- rwmutex_read_release_alone: rwmutex_read_release, with the readers' key only.
-- KEYS     see rwmutex_alone_prelude
-- ARGV[1]  token that must have a lease
-- Returns  1  the token had a lease, which is gone now
--        nil  it had none, or that had ended and is gone; it may be the writer
-- Safe because it touches only what the token has. It notifies no waiter.
local had = isReading(ARGV[1])
redis.call('ZREM', READERS, ARGV[1])
return had and 1 or nil
