"""The service that ships. Its model is shipping.json."""

from loop import Refused, serve

COUNTRIES = {"de", "fr", "nl"}


def ship(ledger, order_id, country):
    if country not in COUNTRIES:
        raise Refused("unreachable", f"no carrier goes to {country}")
    parcel = f"P-{order_id}"
    ledger.write(order_id, {"parcel": parcel, "country": country})
    return {"parcel": parcel}


def cancel(ledger, order_id):
    ledger.remove(order_id)


serve("shipping", {"ship": ship, "cancel": cancel})
