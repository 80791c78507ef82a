"""The service that has the stock. Its model is stock.json."""

from loop import Refused, serve

PRICES = {"rope": 12.5, "anvil": 80.0}
COUNTS = {"rope": 1000, "anvil": 2}


def reserve(ledger, order_id, item):
    if item not in PRICES:
        raise Refused("no_such_item", f"there is no {item}")
    if ledger.read(order_id) is None:
        if sum(entry["item"] == item for entry in ledger.entries()) >= COUNTS[item]:
            raise Refused("out_of_stock", f"there is no {item} left")
        ledger.write(order_id, {"item": item})
    return {"price": PRICES[item]}


def release(ledger, order_id):
    ledger.remove(order_id)


serve("stock", {"reserve": reserve, "release": release})
