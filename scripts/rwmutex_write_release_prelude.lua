-- rwmutex_write_release_prelude: give a write lease back where no client waits. It comes before
-- rwmutex_prelude, as rwmutex_read_acquire_prelude does.
--
-- KEYS  see rwmutex_prelude
-- ARGV  see rwmutex_write_release
local ticket, writer = ARGV[2] or '', redis.call('GET', KEYS[1])
local held, awaited = writer == ARGV[1], redis.call('EXISTS', KEYS[4], KEYS[6]) > 0
if held and ticket == '' and not awaited then
  redis.call('DEL', KEYS[1])
  return 1
end
