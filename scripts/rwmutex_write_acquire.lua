-- rwmutex_write_acquire: take the write lock for a token, or get a ticket.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token: the value that marks the lease
-- ARGV[2]  lifetime of the lease, in milliseconds, >= 1
-- ARGV[3]  id of the caller's ticket, which keeps new readers out; or "" for a try that
--          neither waits nor stands behind waiters
-- ARGV[4]  lifetime of the ticket, in milliseconds, >= 1; not read without an id
-- ARGV[5…] this one itself, where it is known to be unique, and tokens that may be replaced:
--          those that the same lock object has given up, readers' too. They are gone
--          afterwards, also when this call is refused
-- Returns  1  the writer is the token, for the full lifetime; the ticket is gone
--          0  another writer or a reader is there, or others wait and the caller had no
--             ticket; it has one now
--   -1000-ms  the same, to a caller with a ticket: readers keep it out, or a writer of
--             Holdfast, whose release notifies waiters. It ends in ms, unless it is renewed
-- Safe because the writer is written only where there was none and no lease was live, but
-- those of tokens that their maker has given up. Run twice with a unique token it grants
-- once and renews; a token that is a reader's by then stays that.
-- rwmutex_write_acquire_prelude has tried a lock that is free.
local writer = redis.call('GET', WRITER)
local readers = redis.call('ZCARD', READERS)
local awaited = ticket ~= '' and redis.call('EXISTS', WRITERS, WAITERS) > 0
-- A writer in the queue that was notified is what most hand-offs are about: for it no function is
-- made.
local ends = awaited and redis.call('ZSCORE', WRITERS, ticket)
local may = not awaited or ends and tonumber(ends) > now() or queue().writerMayPass(ticket)

if readers > 0 then
  reapReaders()
end
local unique
writer, unique = discard(5, writer, readers)
if readers > 0 then
  readers = redis.call('ZCARD', READERS)
end

local again = unique and writer == token -- a second run
if not again and (writer or readers > 0 or not may) then
  if ticket ~= '' then
    queue().enqueueWriter(ticket, ARGV[4])
    if writer then
      return announced(writer, redis.call('PTTL', WRITER))
    elseif readers > 0 then
      return announced(nil, redis.call('PTTL', READERS))
    end
  end
  return 0
end
redis.call('SET', WRITER, token, 'PX', lifetime)
if awaited then
  redis.call('ZREM', WRITERS, ticket)
end
return 1
