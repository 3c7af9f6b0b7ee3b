-- fence_prelude: fencing tokens. Scripts whose leases are numbered are built of this file,
-- of the script that they run, which is the function unfenced, and of fence_issue or
-- fence_raise. They do in one step what that script does, and see to the counter, for which
-- they have one key and one argument more:
--
--   issue  mutex_acquire_fenced, mutex_pass_fenced, rwmutex_write_acquire_fenced,
--          rwmutex_write_pass_fenced
--   raise  mutex_extend_fenced, mutex_extend_or_set_fenced, rwmutex_write_extend_fenced, and
--          as acquire and check mutex_repair_fenced, rwmutex_write_repair_fenced, mutex_fence,
--          rwmutex_write_fence
--
-- KEYS[6]  fence: string, the largest number that this node knows of, of a read-write lock
-- KEYS[2]  the same, of a mutex, which has fewer keys
-- ARGV[2]  lifetime of the lease, in milliseconds, >= 1
-- ARGV[n]  the last one. issue: how many numbers the lease gets, of up to six digits,
--          >= 1. raise: the largest of the lease's numbers, or 0 where it is not known
--
-- Returns  as the other script, but for
--   1  of raise: the counter is at the number or above it
--   n  of issue, in the place of 1: the largest of the lease's new numbers. They follow on
--      the counter or begin with the server's clock, in µs since 1970, and so are above 2
--   Any other reply leaves the counter alone.
--
-- Safe as the other script is. The counter never goes down, so a late run does no harm. It
-- is raised only for a token that has the lock here: where the lease has ended, a later one
-- may have had a smaller number already. It lives for a day longer than the last lease that
-- used it. A missing one starts from the server's clock in µs, above all numbers before, as
-- no lock uses up a million a second. Numbers are below 2^53 and so exact; Lua would print
-- them as 1.7e+15. Before a client trusts in a number, it has it written to a majority.
local FENCE = KEYS[6] or KEYS[2]
local LIFETIME = string.format('%.0f', lasting(ARGV[2]) + 86400000)

-- A key of another kind fails here, before anything is written.
local counter = tonumber(redis.call('GET', FENCE) or '')
