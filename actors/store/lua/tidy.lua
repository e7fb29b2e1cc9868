-- most. Notes and keys expire by themselves; what is left are the names of nodes that are long gone.
local count, most = 0, tonumber(ARGV[5])
for _, q in ipairs(call('SMEMBERS', P .. 'queues')) do
  local work = queue(q, 'work')
  if call('EXISTS', work) == 1 then
    for _, consumer in ipairs(call('XINFO', 'CONSUMERS', work, 'w')) do
      local c = {}
      for i = 1, #consumer, 2 do c[consumer[i]] = consumer[i + 1] end
      if count < most and c.pending == 0 and c.idle > 86400000 then
        call('XGROUP', 'DELCONSUMER', work, 'w', c.name)
        count = count + 1
      end
    end
  end
end
return count
