"""Publishes `n` ticks, 0 to n-1, with or without a topic; config `rate` per second, 0 = flat out."""

import time

from common import report

config_model = {'optional': {'n': int, 'rate': float, 'topic': str}}

connection_models = {
    'out': {
        'ticks': {
            'connection_type': 'publisher',
            'required_arguments': {'seq': int, 'payload': str},
        },
    },
}


def setup_connection_models(models, config):
    if config.get('topic'):
        models['out']['ticks']['optional_creation_arguments'] = {'topic': config['topic']}
    return models


def main(to_send, config):
    count, rate = config.get('n', 1000), config.get('rate', 0.0)
    time.sleep(0.5)
    for number in range(count):
        to_send('connection', 'ticks', {'seq': number, 'payload': 'tick'})
        if rate:
            time.sleep(1.0 / rate)
    time.sleep(1.0)
    report(sent=count)
