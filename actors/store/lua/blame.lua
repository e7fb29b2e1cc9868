-- name, token. Whoever holds the document now is not disturbed: the nonce of his last write stays. Told twice, it is
-- found no more.
local name, token = ARGV[5], ARGV[6]
local d = get(name, 's', 't', 'd', 'k', unpack(PLACE))
if not d.s then return 'gone' end
if d.w == 'h' and d.t == token then
  leave(name, d)
  put('d', num(d.d + 1))
  wait(d, 0)
  write_gathered(name)
  return 'done'
end
local lost = ',' .. (d.k or '')
local at = string.find(lost, ',' .. token .. ',', 1, true)
if not at then return 'superseded' end
put('d', num(d.d + 1))
put('k', string.sub(lost, 2, at) .. string.sub(lost, at + #token + 2))
write_gathered(name)
return 'done'
