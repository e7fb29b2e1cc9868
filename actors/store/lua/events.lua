-- name, after, most
return call('XRANGE', P .. 'v:' .. ARGV[5], '(' .. ARGV[6] .. '-1', '+', 'COUNT', ARGV[7])
