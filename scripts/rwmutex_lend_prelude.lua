-- rwmutex_lend_prelude: how a write hold becomes a read lease. It follows
-- rwmutex_prelude in the scripts that do so.
--
-- KEYS  see rwmutex_prelude
--
-- lend ends the write hold, if there is one, and gives a token a lease of lifetime ms,
-- or makes the one that it has last as long. Readers that waited for the writer are
-- told. It returns 1, or 2 when a writer waits, awaited: no further reader should join.
--
-- Readers of another kind are found before anything is written, by the first command,
-- which also lets ZADD follow on a server that is full.
local function lend(writer, token, lifetime, awaited)
  reapReaders()
  if writer then
    redis.call('DEL', WRITER)
  end
  lease('GT', token, lifetime)
  if isLine() then
    pcall(queue().wake, '')
  end
  return awaited and 2 or 1
end
