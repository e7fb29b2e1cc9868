-- key, fingerprint, kind. Gives what add would answer, and an id; an empty list when the key is unused.
return known_key(ARGV[5], ARGV[6], ARGV[7]) or {}
