-- mutex_prelude: the keys of a mutex.
--
-- KEYS[1]    name:    string, the holder's token
-- KEYS[2]    fence:   see fence_prelude; only where there are four keys, or two
-- KEYS[n-1]  queue:   of those who wait: see ticket_prelude
-- KEYS[n]    awaited: see ticket_prelude
-- where n is the number of keys. A call with at most two keys has none of the last two: then it
-- sees no waiter, and no caller gets a ticket.
local AT = #KEYS > 2 and #KEYS - 1 or -1 -- there are no keys -1 and 0
local QUEUE = KEYS[AT]
