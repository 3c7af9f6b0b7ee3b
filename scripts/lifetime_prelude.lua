-- lifetime_prelude: which lifetimes a script takes.
--
-- lasting returns a lifetime in milliseconds, from 1 up to thirteen digits, which is
-- more than any duration of Go has. Anything else is an error. It is called before the
-- first write: a PEXPIRE that failed after a write would leave a key without an expiry.
local function lasting(lifetime)
  if #lifetime > 13 or not string.find(lifetime, '^[1-9]%d*$') then
    error('a lifetime of ' .. lifetime .. ' ms')
  end
  return lifetime
end
