-- mutex_release: give a hold back, and wake the first in line.
--
-- KEYS[1]  the lock's name
-- KEYS     the rest: see queue_prelude
-- ARGV[1]  token that must hold the key
-- ARGV[2]  id of the place that the hold's grant has taken out of the line, to be
--          put back as the caller goes on waiting; or ""
-- ARGV[3]  lifetime of the place, in milliseconds, >= 1; not read without an id
--
-- Returns  1  the token held the key, which is gone now
--          0  somebody else's token is there
--         -1  the key was missing already
-- Error    WRONGTYPE when the key is not a string; nothing was written
--
-- Safe because comparing and deleting are one atomic step: a release that
-- arrives late cannot delete a later holder's key. The first in line is told and
-- keeps its place, so that the next release tells it again if it is too slow.
-- mutex_release_prelude was there before, where nobody waits.
if place ~= '' then
  pcall(queue().enqueue, place, ARGV[3])
end
if holder and holder ~= ARGV[1] then
  return 0
end
if holder then
  redis.call('DEL', KEYS[1])
end
if LINE then
  pcall(wake, place)
end
if holder then
  return 1
end
return -1
