-- semaphore_release: give a permit's slots back, and grant them to the waiters that they serve, or notify these.
-- KEYS     see semaphore_prelude
-- ARGV[1]  token of the permit
-- ARGV[2]  id of a ticket of the caller's; "" or missing for none
-- ARGV[3]  lifetime of the ticket, in milliseconds; 0 takes it away: see mutex_release
-- Returns  1  the token had slots, which are free now
--         -1  the token had nothing, or its lease had ended
-- Safe because it touches only what the token has: a late release cannot free a later
-- holder's slots. semaphore_release_prelude has given back the first two, and served a call
-- without waiters that had no more.
if freed == 3 then
  free(token, 2)
end
if ticket ~= '' then
  local waiters = queue()
  pcall(ARGV[3] == '0' and waiters.dequeue or waiters.enqueue, ticket, ARGV[3])
end
if ticket ~= '' or isQueue then
  pcall(notify, ticket, servesThose(), grant)
end
return had
