-- name, token. `d` when that token holds it; else what the caller is told.
local name = ARGV[5]
local d = get(name, 's', 'f', 'e', 'n', 'r', 'z', 't', 'd', 'o', unpack(PLACE))
if not d.s then return 'gone' end
if AGAIN and d.z == NONCE then return 'done' end
if d.w ~= 'h' or d.t ~= ARGV[6] then return 'superseded' end
