-- queue, owner, most, lease in microseconds. Gives claims: name, body, token, deaths, losses, attempts.
local q, owner, most, lease = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local held, work, t = queue(q, 'held'), queue(q, 'work'), now()
local out, room = {}, 33554432

local function give(name, d)
  room = room - #d.b
  local _, losses = string.gsub(d.k or '', ',', '')
  out[#out + 1] = {name, d.b, d.t, d.d, num(losses), d.a}
end

if AGAIN then  -- what the answer that was lost gave
  for _, name in ipairs(call('ZREVRANGE', held, 0, 999)) do
    local d = get(name, 'z', 'b', 't', 'd', 'k', 'a')
    if d.z == NONCE then give(name, d) end
  end
  if #out > 0 then return out end
end

local function hold(name, d, entry)
  d.t, d.a = num(d.t + 1), num(d.a + 1)
  call('HSET', doc(name), 'w', 'h', 'o', owner, 'x', entry, 'z', NONCE, 't', d.t, 'k', d.k or '', 'a', d.a)
  call('ZADD', held, num(t + lease), name)
  give(name, d)
end

-- Nobody but this script adds to the stream, so what is new there is ours.
local function new_entry(name)
  if call('EXISTS', work) == 0 then
    call('XGROUP', 'CREATE', work, 'w', '0', 'MKSTREAM')
    call('SADD', P .. 'queues', q)
  end
  call('XADD', work, '*', 'd', name)
  return call('XREADGROUP', 'GROUP', 'w', owner, 'COUNT', 1, 'STREAMS', work, '>')[1][2][1][1]
end

for _, name in ipairs(call('ZRANGEBYSCORE', held, '-inf', num(t), 'LIMIT', 0, most)) do
  if room < 0 then return out end
  local d = get(name, 'b', 't', 'd', 'k', 'a', 'x')
  if not d.x then
    call('ZREM', held, name)
  else
    d.k = (d.k or '') .. d.t .. ','
    hold(name, d, call('XCLAIM', work, 'w', owner, 0, d.x)[1] and d.x or new_entry(name))
  end
end
come_due(q, t)
while #out < most and room > 0 do
  local member = call('ZPOPMIN', queue(q, 'wait'))[1]
  if not member then break end
  local name = name_in(member)
  local d = get(name, 'b', 't', 'd', 'k', 'a', unpack(PLACE))
  if d.w == 'w' then
    call('ZREM', own(d), member)
    local given = tonumber(call('HGET', queue(q, 'turn'), d.p) or 0)
    if tonumber(d.g) > given then call('HSET', queue(q, 'turn'), d.p, d.g) end
    hold(name, d, new_entry(name))
  end
end
return out
