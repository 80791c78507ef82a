"""The service that takes money. Its model is payment.json."""

from loop import serve


def charge(ledger, order_id, price):
    ledger.write(order_id, {"price": price})


def refund(ledger, order_id):
    ledger.remove(order_id)


serve("payment", {"charge": charge, "refund": refund})
