-- semaphore_check: does a token hold these slots?
-- KEYS     see semaphore_prelude
-- ARGV[1]  token to look for
-- ARGV[2]  the permit's slots, as "3-4,7"
-- Returns  1  the token has these slots
--         -1  it does not: it has others, or nothing, or its lease has ended
-- Writes nothing.
if reading().slotsOf(ARGV[1]) == ARGV[2] then
  return 1
end
return -1
