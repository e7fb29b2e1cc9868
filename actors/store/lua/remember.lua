-- key, value, seconds
call('SET', P .. 'n:' .. ARGV[5], ARGV[6], 'EX', ARGV[7])
return 0
