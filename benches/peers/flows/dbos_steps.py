"""A workflow of three steps with DBOS on SQLite: how many a second, with so many at a time."""

import os
import sys
import threading
import time

from dbos import DBOS, SetWorkflowID

folder, in_flight, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
url = os.environ.get("DBOS_STORE") or f"sqlite:///{folder}/dbos.sqlite"
DBOS(config={"name": "steps", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})


@DBOS.step()
def step(n: int) -> int:
    return n + 1


@DBOS.workflow()
def steps(n: int) -> int:
    return step(step(step(n)))


DBOS.launch()
assert steps(1) == 4
done, until = [0] * in_flight, time.monotonic() + seconds


def work(place: int) -> None:
    while time.monotonic() < until:
        assert steps(done[place]) == done[place] + 3
        done[place] += 1


began = time.monotonic()
threads = [threading.Thread(target=work, args=(place,)) for place in range(in_flight)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(done) / (time.monotonic() - began))
os._exit(0)
