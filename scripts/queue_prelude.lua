-- queue_prelude: how waiters queue. Every script that lets a caller wait, or ends a wait,
-- begins with it. It follows ticket_prelude, and a prelude that says where QUEUE is.

-- queue makes what only calls need that wait, or find others waiting: see ticket_prelude.
local function queue()
  local enqueue, dequeue = tickets(AT, AT + 1)

  -- isEmpty reports that there are no waiters, which newcomers would starve by passing.
  local function isEmpty()
    return redis.call('ZCOUNT', QUEUE, now() + 1, '+inf') == 0
  end

  -- mayPass reports whether a caller may have what is free.
  local function mayPass(id)
    return redis.call('ZSCORE', QUEUE, id) or isEmpty()
  end

  return {enqueue = enqueue, dequeue = dequeue, isEmpty = isEmpty, mayPass = mayPass}
end
