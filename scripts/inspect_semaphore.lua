-- inspect_semaphore: who holds which slots of a semaphore, and who waits for some?
--
-- KEYS[1]  permits: see semaphore_prelude
-- KEYS[2]  queue: see ticket_prelude
-- ARGV     see inspect_prelude; what is limited is the occupied slots, of which the lowest
--          are shown
--
-- Returns  what inspect_prelude says
-- Error    WRONGTYPE, with its name, when a key is of another type
--
-- Writes nothing. A permit with more slots than are shown has the lowest ones here.
local wrong = mismatch('zset', 'zset')
if wrong then
  return wrong
end
local listed = redis.call('ZRANGE', KEYS[1], '0', LIMIT - 1, 'WITHSCORES')
local tokens, slots, size = {}, {}, 0
for i = 1, #listed, 2 do
  local token = string.match(listed[i], '^%d+:(.*)$')
  if token and not slots[token] and size + #token <= ROOM then
    size = size + #token
    slots[token] = {}
    tokens[#tokens + 1] = token
  end
  if slots[token or false] then
    table.insert(slots[token], tonumber(listed[i + 1]) or -1)
  end
end

-- runs writes ascending slots as "3-4,7".
local function runs(numbers)
  local found, from = {}, 1
  for i = 1, #numbers do
    if numbers[i + 1] ~= numbers[i] + 1 then
      local text = string.format('%.0f', numbers[from])
      if from < i then
        text = text .. '-' .. string.format('%.0f', numbers[i])
      end
      found[#found + 1] = text
      from = i + 1
    end
  end
  return table.concat(found, ',')
end

local holders, waiters = {}, {}
for _, token in ipairs(tokens) do
  local ends = redis.call('ZSCORE', KEYS[1], '=' .. token)
  if ends and left(ends) > 0 then
    holders[#holders + 1] = token
    holders[#holders + 1] = 'permit'
    holders[#holders + 1] = math.floor(left(ends) / 1000)
    holders[#holders + 1] = runs(slots[token])
  end
end
local held = redis.call('ZCOUNT', KEYS[1], '(' .. NOW, '+inf')
return {holders, held, waiters, queue(2, 'permit', waiters), ''}
