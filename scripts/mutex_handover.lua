-- mutex_handover: pass the lock on from one token to another of the same process.
--
-- KEYS[1]  the lock's name
-- ARGV[1]  token that takes over
-- ARGV[2]  lifetime of its hold, in milliseconds, >= 1
-- ARGV[3]  token that must hold the key
--
-- Returns  1  the key held the old token, and now holds the new one, for the full
--             lifetime
--          0  somebody else's token is there; nothing was written
--         -1  the key is missing; nothing was written
-- Error    WRONGTYPE when the key is not a string; nothing was written
--
-- Safe because it never creates a key, and acts only on the token it was given:
-- it is a release of one token and an acquire by another with nobody between. As
-- it puts a token there, whoever sends it must treat a late run as a late acquire.
local holder = redis.call('GET', KEYS[1])
if not holder then
  return -1
end
if holder ~= ARGV[3] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], lasting(ARGV[2])) -- lets SET follow on a server that is full
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
