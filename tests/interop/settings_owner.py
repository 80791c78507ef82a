"""Owns the full state `settings`, which it sets `n` times, as the reference service of the same name does."""

import time

config_model = {'optional': {'n': int, 'topic': str, 'hold': float}}

state_models = {
    'out': {
        'settings': {
            'state_type': 'full_update_out',
            'required_arguments': {'mode': str, 'level': int},
        },
    },
}


def setup_state_models(models, config):
    if config.get('topic'):
        models['out']['settings']['optional_creation_arguments'] = {'topic': config['topic']}
    return models


def main(to_send, config):
    # Whoever connects late hears nothing of what an original owner sent before: it is said again and again.
    for _ in range(int(config.get('hold', 1.0) / 0.05)):
        for level in range(config.get('n', 10)):
            to_send('state', 'settings', {'mode': 'm%d' % level, 'level': level})
        time.sleep(0.05)
