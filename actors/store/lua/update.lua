-- ..., change without a place
local change = read_change(7)
write(name, d, change)
tell(name, change.events)
return 'done'
