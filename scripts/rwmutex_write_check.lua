-- rwmutex_write_check: does a token hold the write lock?
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token to look for
-- Returns  1  the token is the writer
--          0  another writer is there, or a reader
--         -1  there is neither
-- Writes nothing.
local writer = redis.call('GET', WRITER)
if writer == ARGV[1] then
  return 1
end
return (writer or isRead()) and 0 or -1
