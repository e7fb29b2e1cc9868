-- kind, before, most. Gives ids.
return call('ZRANGEBYSCORE', P .. 'e:' .. ARGV[5], '-inf', '(' .. ARGV[6], 'LIMIT', 0, ARGV[7])
