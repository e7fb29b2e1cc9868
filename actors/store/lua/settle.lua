-- ..., change
move(name, d, read_change(7))
return 'done'
