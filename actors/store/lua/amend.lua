-- name, revision, change. 'again' when it isn't at that revision any more.
local name = ARGV[5]
local d = get(name, 's', 'f', 'e', 'n', 'r', 'z', unpack(PLACE))
if not d.s then return 'gone' end
if AGAIN and d.z == NONCE then return 'done' end
if d.r ~= ARGV[6] then return 'again' end
move(name, d, read_change(7))
return 'done'
