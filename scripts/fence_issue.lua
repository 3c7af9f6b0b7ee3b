-- fence_issue: give a lease that was granted its numbers. It is the end of scripts: see
-- fence_prelude.
--
-- The argument for it is taken away, as the other script would take it for a token that may
-- be replaced. Run twice for one lease it gives another block the second time, above the
-- first. SET may follow on a server that is full, as the other script has written then.
local size = table.remove(ARGV)
if #size > 6 or not string.find(size, '^[1-9]%d*$') then
  error('a block of ' .. size .. ' numbers')
end
local reply = unfenced()
if reply == 1 then
  reply = (counter or now() - 1) + size -- a block without a counter begins with the clock
  redis.call('SET', FENCE, string.format('%.0f', reply), 'PX', LIFETIME)
end
return reply
