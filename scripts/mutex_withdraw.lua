-- mutex_withdraw: give a ticket back.
-- KEYS[1]  the lock's name; the others: see mutex_prelude
-- ARGV[1]  id of the ticket
-- Returns  1  the caller had a ticket, which is gone now
--         -1  it had none
-- Safe because it writes nothing but the queue. If the lock is free a waiter was notified,
-- which may have been the caller: then the next one is, or is granted the lock.
if not QUEUE then
  return -1
end
local had = queue().dequeue(ARGV[1])
if redis.call('EXISTS', KEYS[1]) == 0 then
  pcall(notify, '', nil, grant)
end
if redis.call('EXISTS', QUEUE) == 0 then
  await(AT + 1, false)
end
return had and 1 or -1
