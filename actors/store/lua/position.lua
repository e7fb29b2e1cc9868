-- name. Nothing when it doesn't wait.
local name = ARGV[5]
local d = get(name, unpack(PLACE))
if d.w ~= 'w' and d.w ~= 'l' then return false end
come_due(d.q, now())
local set = queue(d.q, 'wait')
local rank = call('ZRANK', set, d.m)
if rank then return rank end
-- It isn't due: where it would be.
call('ZADD', set, score(d), d.m)
rank = call('ZRANK', set, d.m)
call('ZREM', set, d.m)
return rank
