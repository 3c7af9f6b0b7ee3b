-- time_prelude: the server's clock, and which lifetimes a script takes.
--
-- now is the clock in µs, below 2^53 and so exact, asked for once at most. A command gets all
-- its digits, but Lua would print it as 1.7e+15.
--
-- lasting returns a lifetime in milliseconds, from 1 up to thirteen digits, which is
-- more than any duration of Go has. Anything else is an error. It is called before the
-- first write: a PEXPIRE that failed after a write would leave a key without an expiry.
local clock
local function now()
  if not clock then
    local time = redis.call('TIME')
    clock = time[1] * 1000000 + time[2]
  end
  return clock
end

local function lasting(lifetime)
  if #lifetime > 13 or not string.find(lifetime, '^[1-9]%d*$') then
    error('a lifetime of ' .. lifetime .. ' ms')
  end
  return lifetime
end
