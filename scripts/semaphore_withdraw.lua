-- semaphore_withdraw: give a ticket back.
-- KEYS     see semaphore_prelude
-- ARGV[1]  id of the ticket
-- Returns  1  the caller had a ticket, which is gone now
--         -1  it had none
-- Safe because it touches no permit. It grants the free slots, or notifies the waiters that they
-- serve now: the caller may have been notified of them, or have kept others from that.
local had = queue().dequeue(ARGV[1])
pcall(notify, '', servesThose(), grant)
return had and 1 or -1
