-- mutex_withdraw: leave the line.
--
-- KEYS[1]  the lock's name
-- KEYS     the rest: see queue_prelude
-- ARGV[1]  id of the place
--
-- Returns  1  the caller had a place, which is gone now
--         -1  it had none
-- Error    WRONGTYPE when a key is of another kind; nothing was written
--
-- Safe because it writes nothing but the line. If the lock is free somebody was
-- told so, and it may have been the caller: then the next one is told.
if not LINE then
  return -1
end
local line = queue()
local had = line.dequeue(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  pcall(wake, '')
end
if had then
  return 1
end
return -1
