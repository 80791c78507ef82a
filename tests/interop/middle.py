"""Asks `echo` twice, with the payload and with the payload and "!", and returns both answers joined.

Config `trace` (bool): report each request with its workflow id.
"""

from common import report, workflow_id

config_model = {'optional': {'trace': bool}}


def on_mid(args, to_send, states, config):
    if config.get('trace'):
        report(payload=args['payload'], workflow_id=workflow_id())
    first = to_send('connection', 'echo', {'payload': args['payload']})
    second = to_send('connection', 'echo', {'payload': args['payload'] + '!'})
    return {'echo': first['echo'] + second['echo']}


connection_models = {
    'in': {
        'mid': {
            'connection_type': 'replyer',
            'required_creation_arguments': {'on_new_request': on_mid},
            'required_arguments': {'payload': str},
            'required_return_arguments': {'echo': str},
        },
    },
    'out': {
        'echo': {
            'connection_type': 'requester',
            'required_arguments': {'payload': str},
            'optional_arguments': {'cmd': str},
            'required_return_arguments': {'echo': str},
        },
    },
}
