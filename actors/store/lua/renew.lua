-- ..., lease in microseconds. XCLAIM tells XPENDING's readers that the owner lives.
call('ZADD', queue(d.q, 'held'), num(now() + tonumber(ARGV[7])), name)
call('XCLAIM', queue(d.q, 'work'), 'w', d.o, 0, d.x, 'JUSTID')
return 'done'
