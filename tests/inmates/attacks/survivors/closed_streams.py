# what: closes all that leads outside and lives on in silence
# expect: wall_timeout
# with: wall=1s
import os
import time

os.closerange(0, 1024)
while True:
    time.sleep(1)
