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

-- `so_far`: how many events it has.
local function tell(name, so_far, events)
  if #events == 0 then return end
  local counts, types = {}, {}
  for i, e in ipairs(events) do
    local n = num(so_far + i)
    call('XADD', P .. 'v:' .. name, n .. '-1', 't', e[1], 'd', e[2])
    if not counts[e[1]] then types[#types + 1] = 'n:' .. e[1] end
    counts[e[1]] = (counts[e[1]] or 0) + 1
  end
  put('n', num(so_far + #events))
  local before = so_far > 0 and call('HMGET', doc(name), unpack(types)) or {}
  for i, field in ipairs(types) do put(field, num((before[i] or 0) + counts[string.sub(field, 3)])) end
  call('PUBLISH', P .. '@' .. DB .. ':v:' .. name, '0')
end

local function unlist_facets(name, packed)
  for _, pair in ipairs(cmsgpack.unpack(packed)) do call('ZREM', facet(kind_of(name), pair), id_of(name)) end
end

-- Body, facets and end; `d` as it was: s, f, r.
local function write(name, d, change)
  local packed = cmsgpack.pack(change.facets)
  if packed ~= d.f then
    if d.f then unlist_facets(name, d.f) end
    for _, pair in ipairs(change.facets) do call('ZADD', facet(kind_of(name), pair), d.s, id_of(name)) end
    put('f', packed)
  end
  put('b', change.body)
  put('e', change.ended)
  put('z', NONCE)
  put('r', num((d.r or 0) + 1))
end

-- Retention may have what ended and is in no queue.
local function shelve(name, was, ended, nowhere)
  if nowhere and ended ~= '' then
    call('ZADD', P .. 'e:' .. kind_of(name), ended, id_of(name))
  elseif was and was ~= '' then
    call('ZREM', P .. 'e:' .. kind_of(name), id_of(name))
  end
end

-- Out of where it is, into what the change says. `d` as it was: s, f, e, n, r and PLACE. `age`:
-- as in enter().
local function move(name, d, change, age)
  leave(name, d)
  write(name, d, change)
  if not (change.place and change.place.queue == d.q) then
    put('d', '0')
    put('k', '')
    put('a', '0')
  end
  if change.place then
    enter(name, change.place, age)
  else
    put('w', '')
  end
  shelve(name, d.e, change.ended, not change.place)
  tell(name, tonumber(d.n or 0), change.events)
  write_gathered(name)
end
