-- ..., change without a place
local change = read_change(7)
write(name, d, change)
tell(name, tonumber(d.n or 0), change.events)
write_gathered(name)
return 'done'
