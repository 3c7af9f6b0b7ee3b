-- rwmutex_write_withdraw: give a writer's ticket back.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  id of the ticket
-- Returns  1  the caller had a ticket, which is gone now
--         -1  it had none
--
-- Safe because it touches no other ticket: as long as there is a writer's, readers stay out.
-- It notifies the waiters that are next by it.
local line = queue()
local had = line.dequeueWriter(ARGV[1])
pcall(line.wakeUnwritten, '')
return had and 1 or -1
