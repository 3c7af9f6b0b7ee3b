-- rwmutex_read_withdraw: give a reader's ticket back.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  id of the ticket
-- Returns  1  the caller had a ticket, which is gone now
--         -1  it had none
-- Safe because it writes nothing but the queue. If the lock is free waiters were notified,
-- perhaps the caller alone: then others are.
local waiters = queue()
local had = waiters.dequeueReader(ARGV[1])
if redis.call('EXISTS', WRITER) == 0 then
  pcall(waiters.notify, '', grantee, isAbsent)
end
if not isQueue() then
  await(5, false)
end
return had and 1 or -1
