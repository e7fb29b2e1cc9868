# what: worker processes of a pool, whose parent is killed before it can end them
# expect: signalled 9
# with: memory=256M
import multiprocessing
import os
import signal
import time

pool = multiprocessing.get_context("fork").Pool(4)
pool.map_async(time.sleep, [100] * 8)
os.kill(os.getpid(), signal.SIGKILL)
