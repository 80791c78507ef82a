"""The same programs served by the original, ryuso 0.0.8: its own server on the port that is given.

Hooks are put together as the original's own generated `__main__` does it, and its log is as that leaves it.
"""

import json
import sys
from pathlib import Path

from ryuso import Hook, Orchestrator, OrchestratorServer


def reserve(pool):
    pool["place"] = "shelf of " + pool["item"]
    return pool


def release(pool):
    pool.pop("place", None)
    return pool


def price(pool):
    pool["price"] = 12.5
    return pool


def charge(pool):
    pool["receipt"] = "r-" + pool["item"]
    return pool


def refund(pool):
    pool.pop("receipt", None)
    return pool


def ship(pool):
    if pool["country"] == "moon":
        raise RuntimeError("nobody goes there")
    pool["parcel"] = "p-" + pool["item"]
    return pool


def main(port):
    spec = json.loads((Path(__file__).parent / "spec.json").read_text())
    functions = {function.__name__: function for function in (reserve, release, price, charge, refund, ship)}
    hooks = spec["hooks"]

    def new(reference):
        key = reference.split(".")[-1]
        return Hook(functions[key], hooks[key]["reference"])

    orchestrator = Orchestrator(spec)
    for key, hook in hooks.items():
        made = new(key)
        for rectifier in hook["rectifiers"]:
            made.add_rectifier(new(rectifier))
        for dependency in hook["dependencies"]:
            made.add_dependency(new(dependency))
        orchestrator.add_hook(made)
    OrchestratorServer(orchestrator, host="127.0.0.1", port=port).start_server()


main(int(sys.argv[1]))
