-- inspect_mutex: who holds a mutex, and who waits for it?
--
-- KEYS[1]  the lock's name
-- KEYS[2]  fence: see fence_prelude
-- KEYS[3]  queue, and
-- KEYS[4]  awaited: see ticket_prelude
-- ARGV     see inspect_prelude
--
-- Returns  what inspect_prelude says
-- Error    WRONGTYPE, with its name, when a key is of another type; ERR when a string is
--          longer than any token
--
-- Writes nothing.
local wrong = mismatch('string', 'string', 'zset', 'string')
if wrong then
  return wrong
end
local holders, waiters, held, fence = {}, {}
held, wrong = writer(1, 'exclusive', holders)
if wrong then
  return wrong
end
fence, wrong = text(2)
if wrong then
  return wrong
end
return {holders, held, waiters, queue(3, 'exclusive', waiters), fence}
