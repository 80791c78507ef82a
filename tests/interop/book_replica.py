"""Follows the delta state `book` and answers what it has; an original replica has no word on how current that is."""

config_model = {'optional': {'topic': str}}


def on_read(args, to_send, states, config):
    return {'book': states['book']}


connection_models = {
    'in': {
        'read': {
            'connection_type': 'replyer',
            'required_creation_arguments': {'on_new_request': on_read},
            'required_return_arguments': {'book': dict},
        },
    },
}

state_models = {
    'in': {
        'book': {
            'state_type': 'delta_update_in',
            'required_state_arguments': {'current_num': int, 'is_snapshot': bool},
            'required_arguments': {'state': dict},
        },
    },
}


def setup_state_models(models, config):
    if config.get('topic'):
        models['in']['book']['optional_creation_arguments'] = {'topic': config['topic']}
    return models
