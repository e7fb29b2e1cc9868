-- name. Gives the body and its revision, or nothing.
local d = get(ARGV[5], 'b', 'r')
return d.b and {d.b, d.r} or {}
