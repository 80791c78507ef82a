"""Counts ticks; on SIGINT reports how many came, how many were missed, and the last one."""

import os

from common import report

config_model = {'optional': {'topic': str}}

SEEN = {'got': 0, 'gaps': 0, 'last': -1}


def on_tick(args, to_send, states, config):
    if SEEN['got'] and args['seq'] != SEEN['last'] + 1:
        SEEN['gaps'] += 1
    SEEN['got'] += 1
    SEEN['last'] = args['seq']


def sigint_handler(sigint, frame, to_send, states, config):
    report(**SEEN)
    # The original's own handler would raise from wherever the loop is; there is nothing to close.
    os._exit(0)


connection_models = {
    'in': {
        'ticks': {
            'connection_type': 'subscriber',
            'required_creation_arguments': {'on_new_message': on_tick},
            'required_arguments': {'seq': int, 'payload': str},
        },
    },
}


def setup_connection_models(models, config):
    if config.get('topic'):
        models['in']['ticks']['optional_creation_arguments'] = {'topic': config['topic']}
    return models
