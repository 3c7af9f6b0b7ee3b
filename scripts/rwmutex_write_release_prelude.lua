-- rwmutex_write_release_prelude: give a write lease back where no client waits. It comes before
-- rwmutex_prelude, as rwmutex_read_acquire_prelude does.
--
-- KEYS  see rwmutex_prelude
-- ARGV  see rwmutex_write_release
local ticket, writer = ARGV[2] or '', redis.call('GET', KEYS[1])
local held = writer == ARGV[1]
local deleted = held and redis.call('DEL', KEYS[1], KEYS[5]) -- 2 with awaited: see ticket_prelude
if deleted == 1 and ticket == '' then
  return 1
end
