-- mutex_release: give a lease back, and notify the first waiter.
-- KEYS[1]  the lock's name; the others: see queue_prelude
-- ARGV[1]  token that must hold the key
-- ARGV[2]  id of the ticket that the grant has taken out of the queue, to be put back as the
--          caller goes on waiting; or ""
-- ARGV[3]  lifetime of the ticket, in milliseconds, >= 1; not read without an id
-- Returns  1  the token held the key, which is gone now
--          0  another token is there
--         -1  the key was missing already
-- Safe because comparing and deleting are one atomic step: a late release cannot delete a
-- later holder's key. The first waiter keeps its ticket, so that the next release notifies
-- it again if it is too slow. mutex_release_prelude has served a lock without waiters.
if ticket ~= '' then
  pcall(queue().enqueue, ticket, ARGV[3])
end
if holder and holder ~= ARGV[1] then
  return 0
elseif holder then
  redis.call('DEL', KEYS[1])
end
if LINE then
  pcall(notify, ticket)
end
return holder and 1 or -1
