-- What every script begins with. ARGV: prefix, database, nonce of this call, 1 when it may have been done before, ...
local P, DB, NONCE, AGAIN = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local call = redis.call

-- A document's hash: b body, s number of its creation, f facets (msgpack), e when it ended, w where it is (w waits,
-- l waits until later, h held, '' nowhere), q queue, c client, p priority, g turn, m member of the waiting set,
-- t token, d deaths, k tokens of the claims that were lost, a comma after each (absent: none), a attempts, o owner,
-- x entry of the stream, n events so far, n:TYPE of that type, r revision, z nonce of the last write.
local function doc(name) return P .. 'd:' .. name end
local function queue(q, part) return P .. 'q:' .. q .. ':' .. part end
local function facet(kind, pair) return P .. 'f:' .. kind .. ':' .. pair[1] .. ':' .. pair[2] end
-- Lua's numbers are doubles: exact up to 2^53, and to be written without an exponent.
local function num(x) return string.format('%.0f', x) end
local function now() local t = call('TIME') return t[1] * 1000000 + t[2] end
local function kind_of(name) return string.match(name, '^([^:]*):') end
local function id_of(name) return string.match(name, ':(.*)$') end
local function get(name, ...)
  local values, fields, got = call('HMGET', doc(name), ...), {...}, {}
  for i, field in ipairs(fields) do got[field] = values[i] end
  return got
end

-- What is to be written into a document's hash is gathered, and written at once at the end: a script's commands are what
-- it costs.
local gathered = {}
local function put(field, value)
  gathered[#gathered + 1] = field
  gathered[#gathered + 1] = value
end
local function write_gathered(name)
  if #gathered > 0 then call('HSET', doc(name), unpack(gathered)) end
  gathered = {}
end
