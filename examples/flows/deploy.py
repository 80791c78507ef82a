#!/usr/bin/env -S service_framework flow run
"""Releases of a site, one after the other: each is a program of examples/programs/deploy, which is done whole or undone whole. The
first one that does not work is the last: the one before serves on.

    cd examples/programs/deploy
    service_framework flow run ../../flows/deploy.py --programs ryu_spec.json --hooks hooks.json \
        --arg root=/tmp/site --arg 'releases=[["r1", "hello"], ["r2", "hello again"], ["r3", ""]]'

What it did goes back with: kill $(cat /tmp/site/*/pid); rm -r /tmp/site
"""

from flow.events import publish
from flow.program import run
from flow.retry import retry


def deploy(root, release, text):
    # What a crash cut off is undone, and is worth another try.
    return retry(run, "deploy", {"root": root, "release": release, "text": text}, attempts=2, on=(RuntimeError,))


def main(root, releases):
    serving = None
    for release, text in releases:
        try:
            deploy(root, release, text)
        except RuntimeError as problem:
            print(f"{release} does not work, {serving or 'nothing'} serves on: {problem}")
            return {"serving": serving, "refused": release}
        serving = release
        publish("serving", serving)
        print(serving, "serves")
    return {"serving": serving, "refused": None}
