-- queue
local q = ARGV[5]
return {call('ZCARD', queue(q, 'wait')) + call('ZCARD', queue(q, 'later')), call('ZCARD', queue(q, 'held'))}
