-- semaphore_extend: renew the lease of a permit.
-- KEYS     see semaphore_prelude
-- ARGV[1]  token that must have the slots
-- ARGV[2]  new lifetime, in milliseconds from now, >= 1
-- ARGV[3]  the permit's slots, as "3-4,7"
-- Returns  1  the token has these slots, for the new lifetime
--         -1  it does not: it has others, or nothing, or its lease has ended
-- Safe because it never gives a slot: a permit that this node has forgotten is not revived
-- by it, however late the script runs. A lease only gets longer.
local lifetime = lasting(ARGV[2])
local permits = reading()
if permits.slotsOf(ARGV[1]) ~= ARGV[3] then
  return -1
end
permits.outlast(lifetime)
redis.call('ZADD', PERMITS, 'XX', 'GT', now() + lifetime * 1000, '=' .. ARGV[1])
return 1
