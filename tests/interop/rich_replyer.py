"""Answers with every rich value the original can send: a Decimal, a UUID, a set and bytes."""

from decimal import Decimal
from uuid import UUID

from common import report


def on_rich(args, to_send, states, config):
    report(price=args['price'], id=args['id'], tags=sorted(args['tags']), blob=args['blob'].hex(),
           book=len(args['book']))
    return {
        'price': args['price'] * 2,
        'id': args['id'],
        'tags': {min(args['tags'])},
        'blob': args['blob'],
    }


connection_models = {
    'in': {
        'rich': {
            'connection_type': 'replyer',
            'required_creation_arguments': {'on_new_request': on_rich},
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
