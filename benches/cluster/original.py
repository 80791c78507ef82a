"""pydevts 0.1.1, the last that was published: events to all and requests of 100 bytes, by nodes in one process.

Prints, for each number of nodes and round, `NODES EVENTS_PER_SECOND REQUESTS_PER_SECOND` to standard error: the library
prints every event to standard output.
"""

import sys
import time

import anyio
from loguru import logger
from pydevts.node import Node

EVENTS = 300
REQUESTS = 300
DATA = {"data": "x" * 100}
heard = 0


def node(port):
    made = Node(host="127.0.0.1", port=port)

    @made.on("tick")
    async def _(conn, data):
        global heard
        heard += 1

    @made.on("echo")
    async def _(conn, data):
        await conn.usend(data)

    return made


async def emits(nodes):
    wanted = heard + EVENTS * (len(nodes) - 1)
    began = time.perf_counter()
    for _ in range(EVENTS):
        await nodes[0].emit("tick", DATA)
    while heard < wanted:
        await anyio.sleep(0.0005)
    return EVENTS / (time.perf_counter() - began)


async def requests(nodes):
    began = time.perf_counter()
    for _ in range(REQUESTS):
        conn = await nodes[0].send(nodes[-1].conn.nid, "echo", DATA)
        await conn.urecv()
        await conn.aclose()
    return REQUESTS / (time.perf_counter() - began)


async def cluster(count, rounds):
    async with anyio.create_task_group() as tasks:
        nodes, port = [], 1
        for _ in range(count):
            nodes.append(node(port))
            tasks.start_soon(nodes[-1].run)
            # It says nowhere that it has joined.
            await anyio.sleep(0.2)
            port = nodes[0].conn.listen_port
        for _ in range(rounds):
            with anyio.fail_after(60):
                print(count, await emits(nodes), await requests(nodes), file=sys.stderr)
        tasks.cancel_scope.cancel()


logger.remove()
for count in map(int, sys.argv[2:]):
    anyio.run(cluster, count, int(sys.argv[1]))
