#!/usr/bin/env python3
"""A deployment that undoes itself: folders, files, a server and a symbolic link, each step a command.

Run with: service_framework program run deploy -s ryu_spec.json --arg root=/tmp/site --arg release=r1 --arg text=hello
What it did goes back with: kill $(cat /tmp/site/current/pid); rm -r /tmp/site

Each command gets the pool as JSON on stdin and prints the new one. What a rectifier needs stands in the pool before the
step is done, or is found where the step left it: a crash may come in between.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def folder(pool):
    return Path(pool["root"]) / pool["release"]


def unfinished(pool):
    return Path(pool["root"]) / f".{pool['release']}.{os.environ['SERVICE_FRAMEWORK_RUN']}"


def make_folder(pool):
    Path(pool["root"]).mkdir(exist_ok=True)
    if folder(pool).exists():
        sys.exit(f"{folder(pool)} is there already")
    # It appears with its mark or not at all: without one nobody could tell whose it is.
    unfinished(pool).mkdir(exist_ok=True)
    (unfinished(pool) / "run").write_text(os.environ["SERVICE_FRAMEWORK_RUN"])
    unfinished(pool).rename(folder(pool))


def remove_folder(pool):
    shutil.rmtree(unfinished(pool), ignore_errors=True)
    mark = folder(pool) / "run"
    # A folder that was there before is somebody else's.
    if mark.exists() and mark.read_text() == os.environ["SERVICE_FRAMEWORK_RUN"]:
        shutil.rmtree(folder(pool))


def write_files(pool):
    (folder(pool) / "index.html").write_text(pool["text"])


def start_server(pool):
    with open(folder(pool) / "log", "w") as log:
        server = subprocess.Popen(
            [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder(pool))],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    (folder(pool) / "pid").write_text(str(server.pid))
    while " port " not in (text := (folder(pool) / "log").read_text()):
        if server.poll() is not None:
            sys.exit(f"the server ended at once: {text}")
        time.sleep(0.02)
    pool["port"] = int(text.split(" port ")[1].split()[0])


def stop(release):
    pid = release / "pid"
    if pid.exists():
        try:
            os.kill(int(pid.read_text()), signal.SIGTERM)
        except ProcessLookupError:
            pass
        pid.unlink()


def stop_server(pool):
    stop(folder(pool))


def check_health(pool):
    with urllib.request.urlopen(f"http://127.0.0.1:{pool['port']}/", timeout=3) as page:
        if not page.read().strip():
            sys.exit("the page is empty")


def point(pool, target):
    link, new = Path(pool["root"]) / "current", Path(pool["root"]) / "current.new"
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(link)


def find_current(pool):
    link = Path(pool["root"]) / "current"
    pool["before"] = os.readlink(link) if link.is_symlink() else None


def switch(pool):
    point(pool, pool["release"])


def switch_back(pool):
    if pool.get("before"):
        point(pool, pool["before"])
    else:
        (Path(pool["root"]) / "current").unlink(missing_ok=True)


def stop_old(pool):
    if pool["before"] not in (None, pool["release"]):
        stop(Path(pool["root"]) / pool["before"])


pool = json.load(sys.stdin)
globals()[sys.argv[1]](pool)
print(json.dumps(pool))
