-- A write like any other.
call('SET', P .. 'probe', NONCE, 'EX', 60)
return 0
