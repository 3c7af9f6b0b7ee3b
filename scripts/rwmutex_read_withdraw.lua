-- rwmutex_read_withdraw: leave the readers' line.
--
-- KEYS     see rwmutex_prelude
-- ARGV[1]  id of the place
--
-- Returns  1  the caller had a place, which is gone now
--         -1  it had none
-- Error    WRONGTYPE when a key that it needs is of another kind
--
-- Safe because it writes nothing but the line. If the lock is free somebody was
-- told so, and it may have been the caller alone: then others are told.
local line = queue()
local had = line.dequeueReader(ARGV[1])
pcall(line.wakeUnwritten, '')
if had then
  return 1
end
return -1
