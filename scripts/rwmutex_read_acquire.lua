-- rwmutex_read_acquire: take a read lease for a token, or get a ticket.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token: the value that marks the lease
-- ARGV[2]  lifetime of the lease, in milliseconds, >= 1
-- ARGV[3]  id of the caller's ticket; or "" for a try that does not wait
-- ARGV[4]  lifetime of the ticket, in milliseconds, >= 1; not read without an id
-- ARGV[5…] as rwmutex_write_acquire; a writer's too
-- Returns  1  the token has a lease, for the full lifetime; the ticket is gone
--          0  a writer is there, or another client has a lease of this very token; the
--             caller has a ticket now
--   -1000-ms  the same, to a caller with a ticket: the writer is one of Holdfast's, whose
--             release notifies waiters. It ends in ms, unless it is renewed
--         -2  no writer is there, but one waits that came before the caller had its ticket;
--             the caller has one now
-- Safe because a lease is given only where there is no writer, but one that its maker has
-- given up. Each lease ends by itself, whatever other readers do. A writer that waits is not
-- starved: no new reader joins. Run twice with a unique token it grants once and renews.
-- rwmutex_read_acquire_prelude has tried a lock without a writer and without waiters.
local writer = redis.call('GET', WRITER)
local awaited = isAwaited()
local readers = redis.call('ZCARD', READERS)

if readers > 0 then
  reapReaders()
end
local waiters = ticket ~= '' and redis.call('EXISTS', WAITERS) == 1 and queue()
local may = not awaited or waiters and waiters.readerMayPass(ticket, isAbsent)
local unique
writer, unique = discard(5, writer, readers)
local again = unique and readers > 0 and isReading(token) -- a second run
if writer or not again and (not may or not lease('NX', token, lifetime)) then
  if ticket ~= '' then
    waiters = waiters or queue()
    waiters.enqueueReader(ticket, ARGV[4])
    if writer then
      return announced(writer, redis.call('PTTL', WRITER))
    end
  end
  return (writer or may) and 0 or -2
end
if again then
  lease('XX', token, lifetime)
end
if waiters then
  redis.call('ZREM', WAITERS, ticket)
end
return 1
