"""What the three services share: calls come as lines of JSON, answers go back so, and each order is a file in a ledger."""

import json
import os
import sys
from pathlib import Path


class Refused(Exception):
    """What the one who asked is told: a code and a text."""


class Ledger:
    """A file for each order. To write one twice is to write it once, and to take back what is not there is nothing."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def path(self, order_id):
        if not order_id.replace("-", "").replace("_", "").isalnum():
            raise Refused("invalid_order", f"{order_id!r} is no order id: letters, digits, - and _")
        return self.folder / order_id

    def write(self, order_id, entry):
        path = self.path(order_id)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(entry))
        os.replace(draft, path)

    def read(self, order_id):
        path = self.path(order_id)
        return json.loads(path.read_text()) if path.exists() else None

    def remove(self, order_id):
        self.path(order_id).unlink(missing_ok=True)

    def entries(self):
        return [json.loads(path.read_text()) for path in self.folder.iterdir() if path.suffix != ".new"]


def serve(name, handlers):
    """Answers calls until stdin ends. A handler gets the service's ledger and the arguments."""
    ledger = None
    for line in sys.stdin:
        message = json.loads(line)
        if "start" in message:
            ledger = Ledger(Path(message["start"]["config"]["folder"]) / name)
        if "call" in message:
            reply = {"reply": message["call"], "return_args": None}  # init_function, stop
            if message["handler"] in handlers:
                try:
                    reply["return_args"] = handlers[message["handler"]](ledger, **message["args"])
                except Refused as refused:
                    code, text = refused.args
                    reply = {"reply": message["call"], "error": {"code": code, "message": text, "details": None}}
            print(json.dumps(reply), flush=True)
