-- inspect_rwmutex: who reads or writes, and who waits to?
--
-- KEYS[1]  writer: see rwmutex_prelude, as the next four
-- KEYS[2]  readers
-- KEYS[3]  writers
-- KEYS[4]  waiters
-- KEYS[5]  awaited
-- KEYS[6]  fence: see fence_prelude
-- ARGV     see inspect_prelude
--
-- Returns  what inspect_prelude says
-- Error    WRONGTYPE, with its name, when a key is of another type; ERR when a string is
--          longer than any token
--
-- Writes nothing. Readers are shown in the order in which their leases end, longest
-- first.
local wrong = mismatch('string', 'zset', 'zset', 'zset', 'string', 'string')
if wrong then
  return wrong
end
local holders, waiters, held, fence = {}, {}
held, wrong = writer(1, 'write', holders)
if wrong then
  return wrong
end
fence, wrong = text(6)
if wrong then
  return wrong
end
local size = 0
local readers = redis.call('ZREVRANGEBYSCORE', KEYS[2], '+inf', '(' .. NOW, 'WITHSCORES', 'LIMIT', '0', LIMIT)
for i = 1, #readers, 2 do
  size = size + #readers[i]
  if size > ROOM then
    break
  end
  holders[#holders + 1] = readers[i]
  holders[#holders + 1] = 'read'
  holders[#holders + 1] = math.floor(left(readers[i + 1]) / 1000)
  holders[#holders + 1] = ''
end
held = held + redis.call('ZCOUNT', KEYS[2], '(' .. NOW, '+inf')
local waiting = queue(3, 'write', waiters)
return {holders, held, waiters, waiting + queue(4, 'read', waiters), fence}
