-- mutex_acquire: take the lock for a token, or get a ticket.
-- KEYS[1]  the lock's name; the others: see mutex_prelude
-- ARGV[1]  token: the value that marks the lease
-- ARGV[2]  lifetime of the lease, in milliseconds, >= 1
-- ARGV[3]  id of the caller's ticket; or "" for a try that neither waits nor stands behind
--          waiters
-- ARGV[4]  lifetime of the ticket, in milliseconds, >= 1; not read without an id
-- ARGV[5…] tokens that may be replaced: this one itself, where it is known to be unique,
--          and those of earlier tries of the same lock object, which it has given up
-- Returns  1  the key now holds the token, for the full lifetime; the ticket is gone
--          0  another token is there, or others wait and the caller had no ticket; it has
--             one now
--   -1000-ms  the same, to a caller with a ticket: the token that is there is one of
--             Holdfast's, whose release notifies the first waiter. It ends in ms, unless
--             it is renewed
-- Safe because the key is written only when it was free or held a token that its maker has
-- given up. Run twice with a unique token it grants once and renews; with a token that is
-- not listed in ARGV[5…] it is a strict SET NX. A waiter that was notified is a part of each
-- hand-off, so it takes few commands. mutex_acquire_prelude has tried a lock that is free.
local holder = redis.call('GET', KEYS[1])
local free = not holder
for i = 5, #ARGV do
  free = free or holder == ARGV[i]
end
local again = holder == token -- a second run; one who was counted is not sent to the queue
-- A ticket that has ended counts until it is cleared away: it came before those behind it.
if free and (not isQueue or redis.call('ZREM', QUEUE, ticket) == 1 or again or queue().isEmpty()) then
  redis.call('SET', KEYS[1], token, 'PX', lifetime)
  return 1
end
if ticket ~= '' then
  queue().enqueue(ticket, ARGV[4])
  if not free then
    return announced(holder, redis.call('PTTL', KEYS[1]))
  end
end
return 0
