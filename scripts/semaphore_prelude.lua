-- semaphore_prelude: what every script of the semaphore begins with.
--
-- KEYS[1]  permits: sorted set. =token -> end of its lease, in µs of server time; and the
--          members of a token -> its slots
-- KEYS[2]  queue: of those who wait, only of scripts that let a caller wait, or end a wait: see
--          ticket_prelude
--
-- A token with n slots has the members 0:token … n-1:token, in the order of its slots. It has
-- a lease if and only if it has slots, and no two members have the same slot. All slots are
-- below all ends, so the i-th occupied slot has the rank i, from 0, and the first lease follows
-- on the last slot. The key expires with the longest lease. Slots are written as ascending
-- runs, in one way: "0-2,5" is 0, 1, 2 and 5.
local PERMITS, AT, QUEUE, MAXSLOT = KEYS[1], 2, KEYS[2], '999999999'

-- members returns the members first … first+count-1 of a token.
local function members(token, first, count)
  local found = {}
  for i = first, first + count - 1 do
    found[#found + 1] = i .. ':' .. token
  end
  return unpack(found)
end

-- free gives a token's slots back, but for the first ones, which the caller has given back
-- already: none, where first is nil. A missing member shows how many there are.
local function free(token, first)
  local count = 2
  first = first or 0
  while redis.call('ZREM', PERMITS, members(token, first, count)) == count do
    first, count = first + count, math.min(2 * count, 1000)
  end
  redis.call('ZREM', PERMITS, '=' .. token)
end

-- countSlots returns how many slots are occupied.
local function countSlots()
  return redis.call('ZCOUNT', PERMITS, '-inf', MAXSLOT)
end

-- reading makes what only some calls need: see queue in queue_prelude.
local function reading()
  -- outlast keeps the key for at least lifetime ms more; a new one has no expiry yet. It always
  -- writes, and so lets ZADD follow on a server that is full: what renews a lease begins with it.
  local function outlast(lifetime)
    redis.call('PEXPIRE', PERMITS, math.max(redis.call('PTTL', PERMITS), lifetime))
  end

  -- reap frees the slots of up to 100 leases that have ended, and returns of how many.
  local function reap()
    local dead = redis.call('ZRANGEBYSCORE', PERMITS, '(' .. MAXSLOT, now(), 'LIMIT', '0', '100')
    for _, ended in ipairs(dead) do
      free(string.sub(ended, 2))
    end
    return #dead
  end

  -- runs writes the slots with the indexes first … last of a list.
  local function runs(slots, first, last)
    local found, from = {}, first
    for i = first, last do
      if i == last or slots[i + 1] ~= slots[i] + 1 then
        found[#found + 1] = from < i and slots[from] .. '-' .. slots[i] or '' .. slots[i]
        from = i + 1
      end
    end
    return table.concat(found, ',')
  end

  -- slotsOf writes the slots that a token has under a live lease, and returns their number;
  -- nil when there is no such lease.
  local function slotsOf(token)
    local ends = redis.call('ZSCORE', PERMITS, '=' .. token)
    if not ends or tonumber(ends) <= now() then
      return nil
    end
    local found, count = {}, 2
    while true do
      for _, slot in ipairs(redis.call('ZMSCORE', PERMITS, members(token, #found, count))) do
        if not slot then
          return runs(found, 1, #found), #found
        end
        found[#found + 1] = tonumber(slot)
      end
      count = math.min(2 * count, 1000)
    end
  end

  -- taken returns the slots of a reply with members and slots.
  local function taken(listed)
    local slots = {}
    for i = 2, #listed, 2 do
      slots[#slots + 1] = tonumber(listed[i])
    end
    return slots
  end

  -- gap returns the index of the first occupied slot above the k-th free slot (from 0), which
  -- is then slot k + index. Below the i-th occupied slot s there are s - i free ones.
  local function gap(k, occupied)
    local low, high = 0, occupied
    while low < high do
      local middle = math.floor((low + high) / 2)
      local slot = taken(redis.call('ZRANGE', PERMITS, middle, middle, 'WITHSCORES'))[1]
      if slot - middle > k then
        high = middle
      else
        low = middle + 1
      end
    end
    return low
  end

  -- lowest lists the count lowest free slots below a limit. It walks through the occupied ones
  -- 100 at a time, and searches when 100 in a row have no gap. The leases behind them look like
  -- slots beyond every limit.
  local function lowest(count, limit, occupied)
    local found, index = {}, occupied > 100 and gap(0, occupied) or 0
    local slot = index -- the slot to look at, with index occupied ones below it
    local function add(stop)
      while slot < stop and #found < count do
        found[#found + 1] = slot
        slot = slot + 1
      end
    end
    if occupied == 0 then
      add(limit)
    end
    while #found < count and slot < limit do
      local chunk = taken(redis.call('ZRANGE', PERMITS, index, index + 99, 'WITHSCORES'))
      local before = #found
      for _, occupant in ipairs(chunk) do
        local stop = math.min(occupant, limit)
        add(stop)
        if slot == stop then
          slot = slot + 1
        end
      end
      index = index + #chunk
      if #chunk < 100 then -- nothing is occupied from here on
        add(limit)
        break
      elseif #found == before then
        index = gap(#found, occupied)
        slot = #found + index
      end
    end
    return found
  end

  -- give gives the first n of the slots to a token for lifetime ms, 500 in a command.
  local function give(token, slots, n, lifetime)
    local added = {now() + lifetime * 1000, '=' .. token}
    for first = 1, n, 500 do
      for i = first, math.min(first + 499, n) do
        added[#added + 1] = slots[i]
        added[#added + 1] = (i - 1) .. ':' .. token
      end
      redis.call('ZADD', PERMITS, unpack(added))
      added = {}
    end
    outlast(lifetime)
  end

  return {
    outlast = outlast, reap = reap, runs = runs, slotsOf = slotsOf, taken = taken, lowest = lowest, give = give,
  }
end
