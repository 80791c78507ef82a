#!/usr/bin/env -S service_framework flow run
"""A nightly job: measures a machine, keeps what it measured, and tells who it may concern.

Each step is tried again while the service is busy. If one fails for good, what was kept before is removed again.
"""

from flow.http import request
from flow.retry import retry
from flow.saga import on_failure


def measure(world):
    return request.get(f"{world}/figures").raise_for_status().json()


def keep(world, name, thing):
    request.put(f"{world}/thing/{name}", json=thing).raise_for_status()
    on_failure(remove, world, name)
    print("kept", name)


def remove(world, name):
    retry(lambda: request.delete(f"{world}/thing/{name}").raise_for_status(), attempts=10, backoff=0.05)
    print("removed", name)


def main(world="http://127.0.0.1:8080", night="tonight"):
    figures = retry(measure, world, attempts=5, backoff=0.05)
    retry(keep, world, f"figures-{night}", figures, attempts=5, backoff=0.05)
    summary = {"night": night, "is_busy": figures["load"][0] > 8}
    retry(keep, world, f"summary-{night}", summary, attempts=5, backoff=0.05)
    retry(keep, world, "latest", {"night": night}, attempts=3, backoff=0.05)
    return {"night": night, "kept": 3}
