-- name, most, type, data
local name, most = ARGV[5], tonumber(ARGV[6])
-- A worker that comes back from the dead must not add to what has ended.
local d = get(name, 's', 'n', 'e', 'n:' .. ARGV[7])
if d.s and (d.e or '') == '' and tonumber(d['n:' .. ARGV[7]] or 0) < most then
  tell(name, tonumber(d.n or 0), {{ARGV[7], ARGV[8]}})
  write_gathered(name)
end
return 0
