-- fence_prelude: fencing tokens. What every script of a lock begins with that
-- numbers its holds, after the other preludes and before the script that it runs,
-- which is the function unfenced.
--
-- KEYS[7]  fence: string, the largest number that this node knows of, in decimal;
--          of a read-write lock
-- KEYS[2]  the same, of a mutex, which has fewer keys
-- ARGV[2]  lifetime of the hold, in milliseconds
--
-- A node's counter only grows, and lives for a day longer than the last hold that
-- it was used for. One that is not there starts from the server's clock in µs, which
-- is above all numbers that were given before, as no lock uses up a million of them a
-- second: blocks are asked for with that in mind. Numbers are below 2^53 and so exact. Lua would print them as 1.7e+15.
--
-- One node's number says nothing yet: whoever has got a majority of them agrees on
-- the largest, and has it written to a majority before it trusts in it.
local FENCE = KEYS[7] or KEYS[2]
local LIFETIME = string.format('%.0f', lasting(ARGV[2]) + 86400000)

-- A key of another kind fails here, before anything is written.
local counter = tonumber(redis.call('GET', FENCE) or '')

-- keep lets the counter last, and sets it to number. PEXPIRE comes first, as it lets SET
-- follow on a server that is full.
local function keep(number)
  if redis.call('PEXPIRE', FENCE, LIFETIME) == 0 or number ~= counter then
    redis.call('SET', FENCE, string.format('%.0f', number), 'PX', LIFETIME)
  end
end

-- issue gives a block of numbers to the lease that grant() has made or renewed, and
-- returns its end, the largest one. Any answer of grant() but 1 it returns as it is: a lease
-- that others wait for is renewed without numbers. The last argument is how many these are, of up to six
-- digits. Anything else is an error before the first write. It is taken away, as the other
-- script would take it for a token that may be replaced. Run twice for one lease it gives
-- the second time another block, above the first one, and either is above those of earlier
-- leases.
local function issue(grant)
  local size = table.remove(ARGV)
  if #size > 6 or not string.find(size, '^[1-9]%d*$') then
    error('a block of ' .. size .. ' numbers')
  end
  local reply = grant()
  if reply ~= 1 then
    return reply
  end
  local last = counter
  if not last then
    local time = redis.call('TIME')
    last = time[1] * 1000000 + time[2] - 1 -- so that the block begins with the clock
  end
  keep(last + size)
  return last + size
end

-- raise brings the counter up to the last argument where holds() says that the
-- token has the lock, and never down. A number of 0 is not known, and raises
-- nothing. The argument is taken away, as it is none of the other script's.
local function raise(holds)
  local least = tonumber(table.remove(ARGV))
  local reply = holds()
  if reply == 1 then
    local number = math.max(counter or 0, least)
    if number > 0 then
      keep(number)
    end
  end
  return reply
end
