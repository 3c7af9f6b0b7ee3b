-- mutex_grant_prelude: how a release gives the lock to a waiter. It follows grant_prelude.
--
-- KEYS[1]  the lock's name; the key is free
--
-- grant sets the key to the waiter's token, takes the ticket away, and returns the message. It
-- returns nil, and the key stays free, where the waiter is to be notified only.
local function grant(id, ends)
  local token, ms, message = grantee(id, ends)
  if not token or redis.pcall('SET', KEYS[1], token, 'PX', ms).err then
    return nil
  end
  redis.call('ZREM', QUEUE, id, '-' .. id)
  return message
end
