-- fence_raise: raise the counter to a lease's largest number, or let it last. It is the end of
-- scripts: see fence_prelude.
--
-- The argument for it is taken away, as in fence_issue. PEXPIRE comes first, as it lets SET
-- follow on a server that is full.
local number = math.max(counter or 0, tonumber(table.remove(ARGV)))
local reply = unfenced()
if reply == 1 and number > 0 then
  if redis.call('PEXPIRE', FENCE, LIFETIME) == 0 or number ~= counter then
    redis.call('SET', FENCE, string.format('%.0f', number), 'PX', LIFETIME)
  end
end
return reply
