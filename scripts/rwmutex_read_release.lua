-- rwmutex_read_release: give a read lease back, and grant or notify the next waiters.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must have a lease, or be the writer
-- ARGV[2]  id of a ticket of the caller's; "" or missing for none
-- ARGV[3]  lifetime of the ticket, in milliseconds; 0 takes it away: see mutex_release
-- Returns  1  the token had a lease, or was the writer; that is gone now
--          0  another writer is there
--         -1  the token had nothing, or its lease had ended
-- Safe because it touches only what the token has: a late release cannot delete a later
-- writer. A token that is still the writer was downgraded, which has not arrived here.
-- rwmutex_read_release_prelude has served a lock without waiters.
local writer = not had and redis.call('GET', WRITER)
local waiters = (ticket ~= '' or awaited) and queue()
if ticket ~= '' then
  pcall(ARGV[3] == '0' and waiters.dequeueReader or waiters.enqueueReader, ticket, ARGV[3])
  if ARGV[3] == '0' then -- it may have been a writer, of which a look was late
    pcall(waiters.dequeueWriter, ticket)
  end
end
if ends then
  redis.call('ZREM', READERS, token)
end
if writer and writer ~= token then
  return 0
elseif writer then
  redis.call('DEL', WRITER)
end
if waiters then
  pcall(waiters.notify, ticket, grantee, isAbsent)
  if not isQueue() then
    await(5, false)
  end
end
return (had or writer) and 1 or -1
