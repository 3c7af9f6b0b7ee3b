-- semaphore_withdraw: leave the line.
--
-- KEYS     see semaphore_prelude
-- ARGV[1]  id of the place
--
-- Returns  1  the caller had a place, which is gone now
--         -1  it had none
-- Error    WRONGTYPE when a key that it needs is of another kind
--
-- Safe because it writes nothing but the line. Those are told whom the free slots
-- serve now: the caller may have been told of them, or have kept the others from
-- being told as there were too few for itself.
local line = queue()
local had = line.dequeue(ARGV[1])
pcall(wake, '', servesThose())
if had then
  return 1
end
return -1
