-- semaphore_acquire_prelude: take the next slots, as most calls can: no lease has ended, the
-- occupied slots have no gap, the token is new, and the caller has a ticket if there is a queue.
-- It comes before the other preludes, as mutex_acquire_prelude does.
--
-- KEYS and ARGV  see semaphore_acquire
--
-- What has a score from the number of occupied slots up to now is a slot beyond a gap, or a
-- lease that has ended.
local token, lifetime, limit, n = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local wanted, listing, ticket = ARGV[5], tonumber(ARGV[6]), ARGV[7]
local unique = ARGV[9] == token
local isQueue = ticket ~= '' and redis.call('EXISTS', KEYS[2]) == 1
local occupied, time = redis.call('ZCOUNT', KEYS[1], '-inf', '999999999'), redis.call('TIME')
local began = time[1] * 1000000 + time[2]
if #lifetime < 14 and string.find(lifetime, '^[1-9]%d*$') -- see lasting in time_prelude
  and wanted == '' and n <= 500 and occupied + n <= limit and #ARGV == (unique and 9 or 8)
  and (occupied == 0 or redis.call('ZCOUNT', KEYS[1], occupied, began) == 0)
  and (not isQueue or redis.call('ZSCORE', KEYS[2], ticket))
  and redis.call('ZADD', KEYS[1], 'NX', began + lifetime * 1000, '=' .. token, occupied, '0:' .. token) == 2 then
  if n > 1 then
    local more = {}
    for i = 1, n - 1 do
      more[2 * i - 1], more[2 * i] = occupied + i, i .. ':' .. token
    end
    redis.call('ZADD', KEYS[1], unpack(more))
  end
  if occupied == 0 or redis.call('PTTL', KEYS[1]) < tonumber(lifetime) then
    redis.call('PEXPIRE', KEYS[1], lifetime)
  end
  if isQueue then
    redis.call('ZREM', KEYS[2], ticket)
  end
  local last = occupied + n - 1
  local granted = n == 1 and '' .. last or occupied .. '-' .. last
  if listing == 0 then
    return granted
  end
  local function run(from, to)
    return from < to and from .. '-' .. to or from == to and '' .. from or ''
  end
  return granted .. ' ' .. run(last + 1, math.min(last + listing, limit - 1))
    .. ' ' .. run(math.max(limit - 32, 0), occupied - 1)
end
