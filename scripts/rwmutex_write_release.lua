-- rwmutex_write_release: give a write lease back, and notify the next waiters.
-- KEYS     see rwmutex_prelude
-- ARGV[1]  token that must be the writer
-- ARGV[2]  id of a ticket to be put back in the queue; or "": see mutex_release
-- ARGV[3]  lifetime of the ticket, in milliseconds, >= 1; not read without an id
-- Returns  1  the token was the writer, which is gone now
--          0  another writer is there, or a reader; it was left alone
--         -1  there was neither
-- Safe because comparing and deleting are one atomic step: a late release cannot delete a
-- later lease. The ticket is put back in the same step, so that no reader comes in between.
-- A token that was downgraded is no writer: rwmutex_read_release gives it back.
local writer = redis.call('GET', WRITER)
local held = writer == ARGV[1]
local others = not held and (writer or isRead())

local ticket = ARGV[2]
local line = (ticket ~= '' or isLine()) and queue()
if ticket ~= '' then
  pcall(line.enqueueWriter, ticket, ARGV[3])
end
if others then
  return 0
elseif held then
  redis.call('DEL', WRITER)
end
if line then
  pcall(line.notify, ticket, true)
end
return held and 1 or -1
