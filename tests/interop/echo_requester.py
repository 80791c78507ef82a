"""Sends `n` payloads of `size` characters, one after the other, and reports how many came back whole.

Config `cmd` sends that command with one more request and reports how it ended: the answer, or the
exception that the original raises.
"""

from common import report

config_model = {'required': {'size': int}, 'optional': {'n': int, 'cmd': str}}

connection_models = {
    'out': {
        'echo': {
            'connection_type': 'requester',
            'required_arguments': {'payload': str},
            'optional_arguments': {'cmd': str},
            'required_return_arguments': {'echo': str},
        },
    },
}


def main(to_send, config):
    payload = 'x' * config['size']
    count = config.get('n', 100)
    whole = 0
    for _ in range(count):
        answer = to_send('connection', 'echo', {'payload': payload})
        whole += answer == {'echo': payload}
    report(n=count, whole=whole)
    if 'cmd' in config:
        report(cmd=config['cmd'], **outcome(to_send, payload, config['cmd']))


def outcome(to_send, payload, command):
    try:
        return {'answer': to_send('connection', 'echo', {'payload': payload, 'cmd': command})}
    except Exception as raised:
        return {'raised': type(raised).__name__, 'message': str(raised)}
