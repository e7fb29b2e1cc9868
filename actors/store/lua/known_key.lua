-- What became of a key that was used before: 'repeated' or 'conflict', and an id; nil when it is unused.
local function known_key(key, fingerprint, kind)
  local known = call('GET', P .. 'i:' .. key)
  if not known then return nil end
  local first = cmsgpack.unpack(known)
  -- A name may have been forgotten and come again: then the key was another document's.
  if call('HGET', doc(first[1]), 's') ~= first[3] then return nil end
  local same = first[2] == fingerprint and kind_of(first[1]) == kind
  return {same and 'repeated' or 'conflict', id_of(first[1])}
end
