-- semaphore_acquire_prelude: take the next slots, as most calls can: no lease has ended, the
-- occupied slots have no gap, the token is new, and the caller has a ticket if there is a line.
-- It comes before the preludes of those that wait, as mutex_acquire_prelude does.
--
-- KEYS and ARGV  see semaphore_acquire
local token, lifetime, limit, n = ARGV[1], lasting(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local wanted, telling, ticket = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local unique = ARGV[9] == token
local isLine = ticket ~= '' and redis.call('EXISTS', KEYS[3]) == 1
local occupied = redis.call('ZCARD', SLOTS)
if wanted == '' and n <= 500 and occupied + n <= limit and #ARGV == (unique and 9 or 8)
  and (occupied == 0 or redis.call('ZCOUNT', LEASES, '-inf', now()) == 0
    and redis.call('ZCOUNT', SLOTS, occupied, '+inf') == 0)
  and (not isLine or redis.call('ZSCORE', KEYS[4], ticket))
  and redis.call('ZADD', LEASES, 'NX', now() + lifetime * 1000, token) == 1 then
  local more = {}
  for i = 1, n - 1 do
    more[2 * i - 1], more[2 * i] = occupied + i, i .. ':' .. token
  end
  redis.call('ZADD', SLOTS, occupied, '0:' .. token, unpack(more))
  if occupied == 0 or redis.call('PTTL', LEASES) < tonumber(lifetime) then
    redis.call('PEXPIRE', LEASES, lifetime)
    redis.call('PEXPIRE', SLOTS, lifetime)
  end
  if isLine then
    redis.call('ZREM', KEYS[4], ticket)
  end
  local beyond = occupied + n
  local granted = run(occupied, beyond - 1)
  if telling == 0 then
    return granted
  end
  return granted .. ' ' .. run(beyond, math.min(beyond + telling, limit) - 1)
    .. ' ' .. run(math.max(limit - 32, 0), occupied - 1)
end
