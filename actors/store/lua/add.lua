-- name, most waiting, '1' and key, fingerprint, seconds | '0', change. Gives what came of it, and an id.
local name, most, at, key = ARGV[5], tonumber(ARGV[6]), 8, nil
if ARGV[7] == '1' then
  key = {text = ARGV[8], name = P .. 'i:' .. ARGV[8], fingerprint = ARGV[9], seconds = ARGV[10]}
  at = 11
end
if AGAIN and call('HGET', doc(name), 'y') == NONCE then return {'added', id_of(name)} end
if key then
  local known = known_key(key.text, key.fingerprint, kind_of(name))
  if known then return known end
end
if call('EXISTS', doc(name)) == 1 then return {'exists', id_of(name)} end
local change = read_change(at)
if change.place and most > 0 then
  local q = change.place.queue
  if call('ZCARD', queue(q, 'wait')) + call('ZCARD', queue(q, 'later')) >= most then return {'full', ''} end
end
local age = call('INCR', P .. 'seq')
local s = num(age)
put('s', s)
put('t', '0')
put('y', NONCE)
call('ZADD', P .. 'l:' .. kind_of(name), s, id_of(name))
if key then call('SET', key.name, cmsgpack.pack({name, key.fingerprint, s}), 'EX', key.seconds) end
move(name, {s = s, w = ''}, change, age)
return {'added', id_of(name)}
