-- mutex_check: does a token hold the lock?
-- KEYS[1]  the lock's name
-- ARGV[1]  token to look for
-- Returns  1  the token holds the key
--          0  another token is there
--         -1  the key is missing
-- Writes nothing.
local holder = redis.call('GET', KEYS[1])
if not holder then
  return -1
end
return holder == ARGV[1] and 1 or 0
