"""Runs commands one after another, and says as JSON what they took: ``launch.py OUTPUT COMMANDS-AS-JSON``.

A program of its own, and small: what Linux calls the peak memory of a process is at least that of whoever started it.
"""

import json
import os
import sys
import time

wall_s = cpu_s = memory_mb = 0.0
status = 0
for command in json.loads(sys.argv[2]):
    began = time.perf_counter()
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    _, status, used = os.wait4(pid, 0)
    wall_s += time.perf_counter() - began
    cpu_s += used.ru_utime + used.ru_stime
    memory_mb = max(memory_mb, used.ru_maxrss / 1024)
    if status:
        break
print(json.dumps([wall_s, cpu_s, memory_mb, os.waitstatus_to_exitcode(status)]))
