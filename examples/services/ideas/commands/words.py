"""A service as a Python script: the words that a text has most often. Its model is words.json.

Run with `service_framework -s examples/services/ideas/commands/words.json -a addresses/ideas/words.json --most 10`.
"""

import collections
import json
import re
import sys

most = 3


def count(args):
    words = collections.Counter(re.findall(r"\w+", args["text"].lower()))
    return {"words": words.most_common(most)}


for line in sys.stdin:
    message = json.loads(line)
    if "start" in message:
        most = message["start"]["config"]["most"]
    if "call" in message:
        reply = {"reply": message["call"], "return_args": None}  # init_function, stop
        if message["handler"] == "count":
            reply["return_args"] = count(message["args"])
        print(json.dumps(reply), flush=True)
