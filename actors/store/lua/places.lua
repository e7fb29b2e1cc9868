-- Queues. score: priority above turn; 2^44 turns per priority, and 201 priorities fit into a double's 53 bits.
local SPAN = 17592186044416
local PLACE = {'w', 'q', 'c', 'p', 'g', 'm', 'x'}
local function score(d) return num(-tonumber(d.p) * SPAN + tonumber(d.g)) end
local function own(d) return queue(d.q, 'of:' .. d.p .. ':' .. d.c) end
local function poke(q, delay) call('PUBLISH', P .. '@' .. DB .. ':q:' .. q, num(delay)) end

-- A member of the waiting sets: 16 digits of age, so that equal scores are in that order, then the name.
local function name_in(member) return string.sub(member, 18) end

local function leave(name, d)
  if d.w == 'w' or d.w == 'l' then
    call('ZREM', queue(d.q, d.w == 'w' and 'wait' or 'later'), d.m)
    call('ZREM', own(d), d.m)
  elseif d.w == 'h' then
    call('ZREM', queue(d.q, 'held'), name)
    call('XACK', queue(d.q, 'work'), 'w', d.x)
    call('XDEL', queue(d.q, 'work'), d.x)
  end
end

-- Lets d wait with the turn and age that it has.
local function wait(d, not_before)
  local t = not_before > 0 and now() or 0
  local later = not_before > t
  call('ZADD', queue(d.q, later and 'later' or 'wait'), later and num(not_before) or score(d), d.m)
  call('ZADD', own(d), d.g, d.m)
  put('w', later and 'l' or 'w')
  poke(d.q, later and not_before - t or 0)
end

-- Gives a document that is nowhere a place: a turn, and an age (`age` when it was just counted).
local function enter(name, place, age)
  local d = {q = place.queue, p = place.priority, c = place.client}
  local given = tonumber(call('HGET', queue(d.q, 'turn'), d.p) or 0)
  local mine = tonumber(call('ZREVRANGE', own(d), 0, 0, 'WITHSCORES')[2] or 0)
  d.g = num(math.max(given, mine) + 1)
  d.m = string.format('%016.0f', age or call('INCR', P .. 'seq')) .. ':' .. name
  for _, field in ipairs({'q', 'p', 'c', 'g', 'm'}) do put(field, d[field]) end
  wait(d, place.not_before)
end

-- Those whose time has come wait among the others; so many at a time that nobody notices.
local function come_due(q, t)
  for _, member in ipairs(call('ZRANGEBYSCORE', queue(q, 'later'), '-inf', num(t), 'LIMIT', 0, 200)) do
    local name = name_in(member)
    call('ZREM', queue(q, 'later'), member)
    local d = get(name, 'p', 'g')
    if d.g then
      call('ZADD', queue(q, 'wait'), score(d), member)
      call('HSET', doc(name), 'w', 'w')
    end
  end
end
