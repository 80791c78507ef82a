"""Runs programs in the original, ryuso 0.0.8: one JSON case a line on stdin, its answer as JSON on stdout.

A case has a spec, what each hook does by its key, and a request; hooks are put together as the original's own
generated `__main__` does it.
"""

import json
import logging
import sys

from ryuso import Hook, Orchestrator

logging.disable(logging.CRITICAL)


def function(behaviour):
    def hook(pool):
        for name, value in behaviour.get("set", {}).items():
            pool[name] = value
        for name in behaviour.get("remove", []):
            pool.pop(name, None)
        if behaviour.get("says_failed"):
            pool["_program_fail"] = True
        if behaviour.get("raises"):
            raise RuntimeError("it was to fail")
        return pool

    return hook


def orchestrator(spec, behaviours):
    orch = Orchestrator(spec)
    hooks = spec["hooks"]

    def new(key):
        return Hook(function(behaviours[key]), hooks[key]["reference"])

    for key, hook in hooks.items():
        made = new(key)
        for rectifier in hook["rectifiers"]:
            made.add_rectifier(new(rectifier.split(".")[-1]))
        for dependency in hook["dependencies"]:
            made.add_dependency(new(dependency.split(".")[-1]))
        # The original finds hooks by the last part of the reference.
        orch.add_hook(made)
    return orch


for line in sys.stdin:
    case = json.loads(line)
    try:
        answer = orchestrator(case["spec"], case["behaviours"]).run_task(case["request"])
    except Exception as error:  # where the original crashes
        answer = {"crashed": repr(error)}
    print(json.dumps(answer), flush=True)
