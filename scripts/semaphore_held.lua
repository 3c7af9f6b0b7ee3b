-- semaphore_held: which permits are there?
-- KEYS     see semaphore_prelude
-- Returns  {token, slots, token, slots, …} of all live permits, slots as "3-4,7". It costs
--          as much as is held
-- Writes nothing.
local runs = reading().runs
local live, permits, tokens = {}, {}, {}
local listed = redis.call('ZRANGE', PERMITS, '0', '-1', 'WITHSCORES')
for i = 1, #listed, 2 do
  local token = string.match(listed[i], '^%d+:(.*)$')
  if not token then
    live[string.sub(listed[i], 2)] = tonumber(listed[i + 1]) > now()
  else
    if not permits[token] then
      permits[token], tokens[#tokens + 1] = {}, token
    end
    table.insert(permits[token], tonumber(listed[i + 1]))
  end
end
local reply = {}
for _, token in ipairs(tokens) do
  if live[token] then
    table.insert(reply, token)
    table.insert(reply, runs(permits[token], 1, #permits[token]))
  end
end
return reply
