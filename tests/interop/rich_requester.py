"""Sends one request of rich values and reports the answer, with the types that arrived.

Config `badkeys` (bool) puts one entry with a Decimal key in the book, which the original can send
but not receive.
"""

from decimal import Decimal
from uuid import UUID

from common import report

config_model = {'optional': {'badkeys': bool}}

connection_models = {
    'out': {
        'rich': {
            'connection_type': 'requester',
            'required_arguments': {
                'price': Decimal,
                'id': UUID,
                'tags': {str},
                'blob': bytes,
                'book': {Decimal: Decimal},
            },
            'required_return_arguments': {
                'price': Decimal,
                'id': UUID,
                'tags': {str},
                'blob': bytes,
            },
        },
    },
}


def main(to_send, config):
    book = {Decimal('1.5'): Decimal('2')} if config.get('badkeys') else {}
    answer = to_send('connection', 'rich', {
        'price': Decimal('12.50'),
        'id': UUID('12345678-1234-5678-1234-567812345678'),
        'tags': {'a', 'b'},
        'blob': b'\x00\xff',
        'book': book,
    })
    report(price=answer['price'], id=answer['id'], tags=sorted(answer['tags']),
           blob=answer['blob'].hex(),
           types={name: type(value).__name__ for name, value in answer.items()})
