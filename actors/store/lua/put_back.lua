-- ..., not before, 1 when it died
leave(name, d)
call('HINCRBY', doc(name), 'd', ARGV[8])
call('HSET', doc(name), 'z', NONCE)
wait(name, d, tonumber(ARGV[7]))
return 'done'
