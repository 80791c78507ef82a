"""Follows the full state `settings` and answers what it is; empty while nothing has come."""

config_model = {'optional': {'topic': str}}


def on_read(args, to_send, states, config):
    return {'settings': states['settings']}


connection_models = {
    'in': {
        'read': {
            'connection_type': 'replyer',
            'required_creation_arguments': {'on_new_request': on_read},
            'required_return_arguments': {'settings': dict},
        },
    },
}

state_models = {
    'in': {
        'settings': {
            'state_type': 'full_update_in',
            'required_arguments': {'mode': str, 'level': int},
        },
    },
}


def setup_state_models(models, config):
    if config.get('topic'):
        models['in']['settings']['optional_creation_arguments'] = {'topic': config['topic']}
    return models
