-- notify_prelude: how those in line are told. It follows queue_prelude in every script
-- that gives something back.
--
-- KEYS  see queue_prelude
--
-- wake tells those in line, but for one, that there is something to be had, as
-- long as serves(id) says so: who can not be served yet is not passed by others.
-- Without serves it tells the first one. Places that have ended are cleared away, up
-- to 100 of them. It comes last in a script, and by pcall, as it must not fail what
-- was done before. To publish needs a permission of its own; without it waiters find
-- out by polling.
--
-- Most find at most one place that has ended, of the caller itself, which has what it
-- waited for, and then the one to tell. So two are read at first.
local function wake(but, serves)
  local index, count, cleared = 0, 2, 0
  repeat
    local ids = redis.call('ZRANGE', LINE, index, index + count - 1)
    local over = #ids < count
    local ended, told = {}, {}
    for i = 1, #ids do
      local id = ids[i]
      local ends = redis.call('ZSCORE', WAITERS, id)
      if ends and tonumber(ends) > now() then
        index = index + 1
        if id ~= but then
          if serves and not serves(id) then
            over = true
            break
          end
          told[#told + 1] = id
          if not serves then
            over = true
            break
          end
        end
      elseif cleared < 100 then
        cleared = cleared + 1
        ended[#ended + 1] = id
        if ends then
          redis.call('ZREM', WAITERS, id)
        end
      else
        over = true
        break
      end
    end
    if ended[1] then
      redis.call('ZREM', LINE, unpack(ended))
    end
    for i = 1, #told do
      redis.pcall('PUBLISH', string.match(told[i], '^[^|]*'), told[i])
    end
    count = 50
  until over
end
