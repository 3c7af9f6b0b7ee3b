-- rwmutex_write_withdraw: give a writer's ticket back.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  id of the ticket
-- Returns  1  the caller had a ticket, which is gone now
--         -1  it had none
-- Safe because it touches no other ticket: as long as there is a writer's, readers stay out.
-- It grants or notifies the waiters that are next by it.
local waiters = queue()
local had = waiters.dequeueWriter(ARGV[1])
if redis.call('EXISTS', WRITER) == 0 then
  pcall(waiters.notify, '', grantee, isAbsent)
end
if not isQueue() then
  await(5, false)
end
return had and 1 or -1
