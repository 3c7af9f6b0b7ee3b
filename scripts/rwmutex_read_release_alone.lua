-- rwmutex_read_release_alone: rwmutex_read_release, where only the readers' key is at hand.
--
-- KEYS     see rwmutex_alone_prelude
-- ARGV[1]  token that must have a lease
--
-- Returns  1  the token had a lease, which is gone now
--        nil  it had none, or that had ended and is gone; it may be the writer
-- Error    WRONGTYPE when the key is of another kind; nothing was written
--
-- Safe because it touches only what the token has. Nobody is told.
local had = isReading(ARGV[1])
redis.call('ZREM', READERS, ARGV[1])
return had and 1 or nil
