-- owner. Its leases run out now.
local owner, t, count = ARGV[5], now(), 0
for _, q in ipairs(call('SMEMBERS', P .. 'queues')) do
  local work, held, from = queue(q, 'work'), queue(q, 'held'), '-'
  while call('EXISTS', work) == 1 do
    local page = call('XPENDING', work, 'w', from, '+', 100, owner)
    for _, entry in ipairs(page) do
      local found = call('XRANGE', work, entry[1], entry[1])[1]
      if found and call('ZADD', held, 'XX', 'LT', 'CH', num(t), found[2][2]) == 1 then count = count + 1 end
      from = '(' .. entry[1]
    end
    if #page < 100 then break end
  end
  poke(q, 0)
end
return count
