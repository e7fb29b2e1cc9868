-- name
local name = ARGV[5]
local d = get(name, 's', 'f', 'w')
if not d.s or d.w ~= '' then return 0 end
unlist_facets(name, d.f)
call('ZREM', P .. 'l:' .. kind_of(name), id_of(name))
call('ZREM', P .. 'e:' .. kind_of(name), id_of(name))
call('UNLINK', doc(name), P .. 'v:' .. name)
return 1
