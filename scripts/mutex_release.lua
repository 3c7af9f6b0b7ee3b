-- mutex_release: give a lease back, and grant the lock to the first waiter, or notify it.
-- KEYS[1]  the lock's name; the others: see mutex_prelude
-- ARGV[1]  token that must hold the key
-- ARGV[2]  id of a ticket of the caller's; "" or missing for none
-- ARGV[3]  lifetime of the ticket, in milliseconds: >= 1 where a grant has taken it out of the
--          queue and it is to be put back, as the caller goes on waiting; 0 where the caller
--          gives it back, too. Not read without an id
-- Returns  1  the token held the key, which is gone now
--          0  another token is there
--         -1  the key was missing already
-- Safe because comparing and deleting are one atomic step: a late release cannot delete a
-- later holder's key. A waiter that is notified keeps its ticket, so that the next release
-- notifies it again if it is too slow. Ticket and lease are given back in one step, as the
-- caller may not know yet that it was granted the lock: see grant_prelude. The key is deleted
-- before that, so that it is free whatever fails. mutex_release_prelude has served a lock
-- without waiters.
if ticket ~= '' then
  local waiters = queue()
  pcall(ARGV[3] == '0' and waiters.dequeue or waiters.enqueue, ticket, ARGV[3])
end
if holder and not held then
  return 0
end
if QUEUE then
  local ok, left = pcall(notify, ticket, nil, grant)
  local waiting = left or not ok
  if waiting == (deleted == 2) then -- else it is as it should be
    await(AT + 1, waiting)
  end
end
return held and 1 or -1
