-- rwmutex_write_withdraw: leave the writers' line.
--
-- KEYS     see rwmutex_prelude
-- ARGV[1]  id of the place
--
-- Returns  1  the caller had a place, which is gone now
--         -1  it had none
-- Error    WRONGTYPE when a key that it needs is of another kind
--
-- Safe because it touches no other writer's place: as long as one stands, readers
-- stay out. Those whose turn has come by it are told.
local line = queue()
local had = line.dequeueWriter(ARGV[1])
pcall(line.wakeUnwritten, '')
if had then
  return 1
end
return -1
