# what: sends to the audit channel as fast as it can, from three processes, messages of all sizes and with descriptors
# expect: wall_timeout | cpu_timeout
# with: audit, wall=2s, cpu=4s, memory=128M
import os
import socket

channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.fork()
os.fork()
channel.connect("/run/lazaret/audit.sock")
size = 1
while True:
    size = size * 7 % 16381
    try:
        channel.send(b"{" * size)
        socket.send_fds(channel, [b"{}"], [0, 1, 2])
    except OSError:
        pass
