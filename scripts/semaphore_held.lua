-- semaphore_held: which permits are there?
-- KEYS     see semaphore_prelude
-- Returns  {token, slots, token, slots, …} of all live permits, slots as "3-4,7". It costs
--          as much as is held
-- Writes nothing.
local runs = reading().runs
local ended = {}
for _, token in ipairs(redis.call('ZRANGEBYSCORE', LEASES, '-inf', now())) do
  ended[token] = true
end
local permits, tokens = {}, {}
local listed = redis.call('ZRANGE', SLOTS, '0', '-1', 'WITHSCORES')
for i = 1, #listed, 2 do
  local token = string.match(listed[i], '^%d+:(.*)$')
  if not ended[token] then
    if not permits[token] then
      permits[token], tokens[#tokens + 1] = {}, token
    end
    table.insert(permits[token], tonumber(listed[i + 1]))
  end
end
local reply = {}
for _, token in ipairs(tokens) do
  table.insert(reply, token)
  table.insert(reply, runs(permits[token], 1, #permits[token]))
end
return reply
