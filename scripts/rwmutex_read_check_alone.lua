-- rwmutex_read_check_alone: rwmutex_read_check, with the readers' key only.
-- KEYS     see rwmutex_alone_prelude
-- ARGV[1]  token to look for
-- Returns  1  the token has a lease that has not ended
--        nil  it has none; it may be the writer
-- Writes nothing.
return isReading(ARGV[1]) and 1 or nil
