#!/usr/bin/env -S service_framework flow run
"""A person decides: the flow makes a URL, hands it out, and waits until somebody posts an answer to it, or nobody does in time.

    curl -d '{"approved": true, "by": "ada"}' URL
"""

from datetime import timedelta

from flow.events import publish
from flow.http import callback, request
from flow.time import timeout


def main(world="http://127.0.0.1:8080", what="a new disk", patience=7 * 24 * 3600):
    decision = callback.new()
    request.put(f"{world}/thing/request", json={"what": what, "answer_to": decision.url}).raise_for_status()
    publish("answer_to", decision.url)
    print(f"may we have {what}? It can be answered for {timedelta(seconds=patience)}")
    with timeout(patience):
        try:
            answer = await decision.event
        except Timeout:
            return {"what": what, "approved": False, "why": "nobody answered"}
    if not answer["approved"]:
        return {"what": what, "approved": False, "why": f"{answer['by']} said no"}
    request.put(f"{world}/thing/order", json={"what": what, "by": answer["by"]}).raise_for_status()
    return {"what": what, "approved": True, "by": answer["by"]}
