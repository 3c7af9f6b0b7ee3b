-- notify_prelude: how waiters are notified. It follows queue_prelude and grant_prelude in every script
-- that gives something back.
--
-- notify notifies waiters, but for one, as long as serves(id) says so: one that cannot be
-- served yet is not passed by others, but one that is absent is. Without serves it notifies the
-- first one. What it publishes is the id, or what grant(id, end) returns, which has taken the
-- ticket away; nil is for a notification. It clears away up to 100 tickets that have ended, and
-- passes by as many. It returns whether there may be waiters left. It comes at the end of a
-- script, by pcall, as it must not fail what was done before. To publish needs a permission of its own; without it waiters poll.
--
-- Most calls find at most one ticket that has ended, of the caller itself, which has had the
-- lock, and then the one to notify. So two are read at first.
local function notify(but, serves, grant)
  local index, count, cleared, passed, left = 0, 2, 0, 0, false
  repeat
    local places = redis.call('ZRANGE', QUEUE, index, index + count - 1)
    local over = #places < count
    local ended, heads = {}, {}
    for i = 1, #places do
      local place = places[i]
      if string.byte(place) ~= 45 then -- a minus; what follows are the tickets
        over = true
        break
      end
      local id = string.sub(place, 2)
      local ends = redis.call('ZSCORE', QUEUE, id)
      local live = ends and tonumber(ends) > now()
      local stop = not live and cleared == 100
      if live then
        index = index + 1
        if id ~= but and passed < 100 and isAbsent(id) then
          passed = passed + 1
        elseif id ~= but then
          stop = not serves or not serves(id)
          if not (serves and stop) then
            local message = grant(id, ends)
            index = index - (message and 1 or 0)
            heads[#heads + 1] = {id, message or id}
          end
        end
      elseif not stop then
        cleared = cleared + 1
        ended[#ended + 1], ended[#ended + 2] = place, id
      end
      if stop then
        over, left = true, string.byte(places[i + 1] or '-') == 45
        break
      end
    end
    if ended[1] then
      redis.call('ZREM', QUEUE, unpack(ended))
    end
    for i = 1, #heads do
      redis.pcall('PUBLISH', string.match(heads[i][1], '^[^|]*'), heads[i][2])
    end
    count = 50
  until over
  return left or index > 0
end
