-- grant_prelude: which waiter gets what a release gives back, so that it need not ask.
-- It comes before notify_prelude, and after rwmutex_prelude.
--
-- KEYS[2]  fence: see fence_prelude; of the mutex, and only where there are four keys
-- KEYS[6]  the same, of the read-write lock
--
-- A waiter that can be granted something has the id CHANNEL|NUMBER|MS|TOKEN, or, if its lease
-- is to be numbered, CHANNEL|NUMBER|MSf|TOKEN. MS is how long the grant lasts.
--
-- isAbsent reports of such a waiter that nobody listens on its channel: its process has ended, or
-- listens again soon, and then looks. It is passed by, as it could not be notified either.
--
-- grantee returns TOKEN, MS and the message of a waiter: ID=LOOK or ID=LOOK:FENCE, where LOOK is
-- the number of the look that has left the ticket, and FENCE the lease's number. It returns nil
-- where the waiter is to be notified only: as its id is another, a number is wanted that this
-- call has no key for, or the server does not allow a command.
--
-- Safe because what is granted is free, and the token is that of one call, which counts its
-- validity from the sending of the very look that the message names: that was before the grant.
-- A client that is granted what it does not want any more releases it.
local FENCE = KEYS[#KEYS == 4 and 2 or 6]

-- issue returns the lock's next fencing number, as fence_issue does.
local function issue(ms)
  local last = redis.call('GET', FENCE)
  local number = string.format('%.0f', last and last + 1 or now())
  redis.call('SET', FENCE, number, 'PX', string.format('%.0f', ms + 86400000))
  return number
end

-- listeners is how many a channel has, or -1 where that is not to be known.
local counted = {}
local function listeners(channel)
  if not counted[channel] then
    local found = redis.pcall('PUBSUB', 'NUMSUB', channel)
    counted[channel] = found.err and -1 or tonumber(found[2])
  end
  return counted[channel]
end

local function parse(id)
  return string.match(id, '^([^|]*)|[^|]*|(%d+)(f?)|(.+)$')
end

local function isAbsent(id)
  local channel = parse(id)
  return channel and listeners(channel) == 0
end

local function grantee(id, ends)
  local channel, ms, numbered, token = parse(id)
  if not ms or listeners(channel) < 1 then
    return nil
  end
  local message = id .. '=' .. string.format('%.0f', ends % 1024)
  if numbered == 'f' then
    local ok, number = pcall(issue, ms)
    if not ok then
      return nil
    end
    message = message .. ':' .. number
  end
  return token, ms, message
end
