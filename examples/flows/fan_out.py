#!/usr/bin/env -S service_framework flow run
"""Fifty requests, at most eight of them on their way at once: which library of this project needs the most others?"""

from flow.http import request
from flow.tasks import gather


async def look_at(world, name):
    return request.get(f"{world}/crate/{name}").raise_for_status().json()


def main(world="http://127.0.0.1:8080", count=50, at_once=8):
    names = request.get(f"{world}/crates").json()[:count]
    crates = await gather(*[look_at(world, name) for name in names], limit=at_once)
    most = max(crates, key=lambda crate: crate["needs"])
    print(f"{most['name']} {most['version']} needs {most['needs']} others")
    return {"crates": len(crates), "most": most["name"], "needs": sum(crate["needs"] for crate in crates)}
