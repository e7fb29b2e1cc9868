-- ..., not before, 1 when it died
leave(name, d)
put('d', num(d.d + tonumber(ARGV[8])))
put('z', NONCE)
wait(d, tonumber(ARGV[7]))
write_gathered(name)
return 'done'
