-- mutex_acquire: take the lock for a token, or a place in line.
--
-- KEYS[1]  the lock's name
-- KEYS     the rest: see queue_prelude
-- ARGV[1]  token: the value that marks the hold
-- ARGV[2]  lifetime of the hold, in milliseconds, >= 1
-- ARGV[3]  id of the caller's place in line; or "" for a try that does not wait,
--          and does not stand behind those who do
-- ARGV[4]  lifetime of the place, in milliseconds, >= 1; not read without an id
-- ARGV[5…] tokens that may be replaced: this one itself, where it is known to
--          be unique, and those of earlier tries of the same lock object that
--          nobody wants any more
--
-- Returns  1  the key now holds the token, for the full lifetime; the place is
--             gone
--          0  somebody else's token is there, or others wait and the caller had
--             no place yet; it has one now
--   -1000-ms  the same, to a caller with a place: the token that is there is one of
--             Holdfast's, whose release tells the first in line. It ends in ms, unless
--             it is renewed
-- Error    WRONGTYPE when the key is not a string; nothing was written
--
-- Safe because the key is written only when it was free or held a token that
-- its maker has given up. Running it twice with a unique token
-- grants once and renews; with a token that is not listed in ARGV[5…] it is a
-- strict SET NX.
--
-- What a waiter costs that was told is a part of each hand-off, so it takes as few
-- commands as can be, none of which has to print or read a score. A lock that is free
-- was taken by mutex_acquire_prelude.
local holder = redis.call('GET', KEYS[1])
local free = not holder
for i = 5, #ARGV do
  free = free or holder == ARGV[i]
end
local again = holder == token -- a second run; one who was counted is not sent to the line
if free and (not isLine or serve(place) or again or queue().isEmpty()) then
  redis.call('SET', KEYS[1], token, 'PX', lifetime)
  return 1
end
if place ~= '' then
  local line = queue()
  line.enqueue(place, ARGV[4])
  if not free then
    return line.announced(holder, redis.call('PTTL', KEYS[1]))
  end
end
return 0
