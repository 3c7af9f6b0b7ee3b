-- semaphore_handover: pass a permit on from one token to another of the same process.
--
-- KEYS     see semaphore_prelude
-- ARGV[1]  token that takes over; nobody has used it before
-- ARGV[2]  lifetime of its permit, in milliseconds, >= 1
-- ARGV[3]  token that must have the slots
-- ARGV[4]  the permit's slots, as "3-4,7"
-- ARGV[5]  limit: where a slot from this one on is occupied nothing is passed on
--
-- Returns  1  the old token had these slots, and now the new one has them, for the full
--             lifetime
--          0  the old token has others, or the new one has some already, or a slot
--             from the limit on is occupied, if only by a lease that has ended; nothing
--             was written
--         -1  the old token has nothing, or its lease had ended; nothing was written
-- Error    WRONGTYPE when a key that it needs is of another kind; nothing was
--          written
--
-- Safe because it gives only what it takes in the same step, and takes it only from
-- the token that it was given: it is a release of one token and an acquire by another
-- with nobody between. Where all occupied slots are below the limit, they are no more
-- than the limit with the new permit as with the old one. As it gives slots to a token,
-- whoever sends it must treat a late run as a late acquire.
local to, lifetime, from, slots, limit = ARGV[1], lasting(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local _, slotsOf = reading()
local own = slotsOf(from)
if not own then
  return -1
end
if own ~= slots or redis.call('ZCOUNT', SLOTS, limit, '+inf') > 0
  or redis.call('ZSCORE', LEASES, to) then
  return 0
end
outlast(lifetime)
redis.call('ZADD', LEASES, now + lifetime * 1000, to)
local added, count = {}, 0
local function add()
  redis.call('ZADD', SLOTS, unpack(added))
  added = {}
end
for first, last in string.gmatch(slots, '(%d+)-?(%d*)') do
  for slot = tonumber(first), tonumber(last) or tonumber(first) do
    if #added == 1000 then
      add()
    end
    added[#added + 1] = slot
    added[#added + 1] = count .. ':' .. to
    count = count + 1
  end
end
add()
free(from) -- last, as keys that are empty for a moment lose their expiry
return 1
