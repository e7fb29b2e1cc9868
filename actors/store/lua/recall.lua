-- key
return call('GET', P .. 'n:' .. ARGV[5])
