-- kind, most, before (a number of creation) or '', bytes, then facets as pairs. Gives a cursor ('' at the end) and bodies.
-- Looks at so many ids at most that nobody waits long; the caller asks again for the rest of its page.
local kind, most, before, room = ARGV[5], tonumber(ARGV[6]), ARGV[7], tonumber(ARGV[8])
local sets, patience, out = {}, 2000, {''}
for i = 9, #ARGV, 2 do sets[#sets + 1] = facet(kind, {ARGV[i], ARGV[i + 1]}) end
if #sets == 0 then sets[1] = P .. 'l:' .. kind end
table.sort(sets, function(a, b) return call('ZCARD', a) < call('ZCARD', b) end)
local from = before == '' and '+inf' or '(' .. before
while true do
  local page = call('ZREVRANGEBYSCORE', sets[1], from, '-inf', 'WITHSCORES', 'LIMIT', 0, 100)
  for i = 1, #page, 2 do
    local id, s, all = page[i], page[i + 1], true
    for k = 2, #sets do all = all and call('ZSCORE', sets[k], id) end
    if all then
      local key = doc(kind .. ':' .. id)
      room = room - call('HSTRLEN', key, 'b')
      if #out > most or (room < 0 and #out > 1) then return out end
      out[#out + 1] = call('HGET', key, 'b')
    end
    out[1], from = s, '(' .. s
    patience = patience - 1
  end
  if #page < 200 then
    out[1] = ''
    return out
  end
  if patience <= 0 then return out end
end
