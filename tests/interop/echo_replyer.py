"""Answers every payload with itself, as the reference service of the same name does.

Config `trace` (bool): report each request with its workflow id. Config `raise_on` (str): raise at
that payload, which ends the service, as every exception does there.
"""

import time

from common import report, workflow_id

config_model = {'optional': {'delay': float, 'trace': bool, 'raise_on': str}}


def on_echo(args, to_send, states, config):
    if config.get('trace'):
        report(payload=args['payload'], workflow_id=workflow_id())
    command = args.get('cmd')
    if command == 'raise' or args['payload'] == config.get('raise_on'):
        raise RuntimeError('asked to raise')
    if command == 'slow':
        time.sleep(config.get('delay', 1.0))
    if command == 'badreturn':
        return {'nope': 1}
    if command == 'none':
        return None
    return {'echo': args['payload']}


connection_models = {
    'in': {
        'echo': {
            'connection_type': 'replyer',
            'required_creation_arguments': {'on_new_request': on_echo},
            'required_arguments': {'payload': str},
            'optional_arguments': {'cmd': str},
            'required_return_arguments': {'echo': str},
        },
    },
}
