-- A change as redis_change.cpp sends it, from ARGV[at]: body, ended, facets, place, events.
local function read_change(at)
  local function next_arg() at = at + 1 return ARGV[at - 1] end
  local change = {body = next_arg(), ended = next_arg(), facets = {}, events = {}}
  for i = 1, tonumber(next_arg()) do change.facets[i] = {next_arg(), next_arg()} end
  if next_arg() == '1' then
    change.place = {queue = next_arg(), priority = next_arg(), client = next_arg(), not_before = tonumber(next_arg())}
  end
  for i = 1, tonumber(next_arg()) do change.events[i] = {next_arg(), next_arg()} end
  return change
end

local function tell(name, events)
  local key = doc(name)
  for _, e in ipairs(events) do
    local n = call('HINCRBY', key, 'n', 1)
    call('HINCRBY', key, 'n:' .. e[1], 1)
    call('XADD', P .. 'v:' .. name, num(n) .. '-1', 't', e[1], 'd', e[2])
  end
  if #events > 0 then call('PUBLISH', P .. '@' .. DB .. ':v:' .. name, '0') end
end

local function unlist_facets(name, packed)
  for _, pair in ipairs(cmsgpack.unpack(packed)) do call('ZREM', facet(kind_of(name), pair), id_of(name)) end
end

-- Body, facets and end; `d` has s and f as they were.
local function write(name, d, change)
  local packed = cmsgpack.pack(change.facets)
  if packed ~= d.f then
    if d.f then unlist_facets(name, d.f) end
    for _, pair in ipairs(change.facets) do call('ZADD', facet(kind_of(name), pair), d.s, id_of(name)) end
  end
  call('HSET', doc(name), 'b', change.body, 'f', packed, 'e', change.ended, 'z', NONCE)
  call('HINCRBY', doc(name), 'r', 1)
end

-- After it has its place: retention may have what ended and is in no queue.
local function shelve(name, ended, nowhere)
  if nowhere and ended ~= '' then
    call('ZADD', P .. 'e:' .. kind_of(name), ended, id_of(name))
  else
    call('ZREM', P .. 'e:' .. kind_of(name), id_of(name))
  end
end

-- Out of where it is, into what the change says.
local function move(name, d, change)
  leave(name, d)
  write(name, d, change)
  if not (change.place and change.place.queue == d.q) then call('HSET', doc(name), 'd', '0', 'a', '0') end
  if change.place then
    enter(name, change.place)
  else
    call('HSET', doc(name), 'w', '')
  end
  shelve(name, change.ended, not change.place)
  tell(name, change.events)
end
