-- queue_prelude: how waiters queue. Every script that lets a caller wait, or ends a wait,
-- begins with it.
--
-- KEYS[n-1]  line:    sorted set, id of a waiter -> when it came
-- KEYS[n]    waiters: sorted set, id of a waiter -> end of its ticket
-- where n is the number of keys, and times are in µs of server time. A call with at most two
-- keys has none of these: then it sees no waiter, and no caller gets a ticket.
--
-- An id is CHANNEL|REST: a release notifies it on that channel, or grants it the lock: see
-- grant_prelude. Of such a ticket's end the part below 1,024 µs is the number of the waiter's
-- last look, so that both are written in one step. A ticket ends by itself unless
-- the waiter's next try renews it; a waiter that is notified keeps it until it has the lock.
-- Until the next release the line also has ids whose tickets have ended or were served: one
-- that is put back is where it was. Both keys expire together, with the longest ticket.
local last = #KEYS > 2 and #KEYS or 0 -- there are no keys 0 and -1
local LINE, WAITERS = KEYS[last - 1], KEYS[last]

-- queue makes what only calls need that wait, or find others waiting: see ticket_prelude.
local function queue()
  local enqueue, dequeue = tickets(last - 1, last)

  -- isEmpty reports that there are no waiters, which newcomers would starve by passing.
  local function isEmpty()
    return redis.call('ZCOUNT', WAITERS, now() + 1, '+inf') == 0
  end

  -- mayPass reports whether a caller may have what is free.
  local function mayPass(id)
    return redis.call('ZSCORE', WAITERS, id) or isEmpty()
  end

  return {enqueue = enqueue, dequeue = dequeue, isEmpty = isEmpty, mayPass = mayPass}
end
