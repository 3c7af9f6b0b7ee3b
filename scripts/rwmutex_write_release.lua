-- rwmutex_write_release: give a write lease back, and grant or notify the next waiters.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must be the writer
-- ARGV[2]  id of a ticket of the caller's; "" or missing for none
-- ARGV[3]  lifetime of the ticket, in milliseconds; 0 takes it away: see mutex_release
-- Returns  1  the token was the writer, which is gone now
--          0  another writer is there, or a reader; it was left alone
--         -1  there was neither
-- Safe because comparing and deleting are one atomic step: a late release cannot delete a
-- later lease. The ticket is put back in the same step, so that no reader comes in between.
-- A token that was downgraded is no writer: rwmutex_read_release gives it back.
-- rwmutex_write_release_prelude has served a lock without waiters.
local read = not writer and isRead()
local waiters = (ticket ~= '' or isQueue()) and queue()
if ticket ~= '' then
  pcall(ARGV[3] == '0' and waiters.dequeueWriter or waiters.enqueueWriter, ticket, ARGV[3])
end
if writer and not held then
  return 0
end
if waiters then -- also where readers are there: a writer that has gone kept others from them
  pcall(waiters.notify, ticket, grantee, isAbsent, not read)
  local waiting = isQueue()
  if waiting == (deleted == 2) then -- else it is as it should be
    await(5, waiting)
  end
end
return held and 1 or read and 0 or -1
