-- name. Gives the body.
return call('HGET', doc(ARGV[5]), 'b')
