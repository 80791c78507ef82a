"""Owns the delta state `book`. Asked to `burst` it makes so many updates and answers what it has then.

An original owner numbers its updates itself: config `first` (int) is the first number. `skip` (int) of a burst
leaves so many numbers out before it, as if as many updates were lost; `replace` (bool) makes it begin with a snapshot.
Not in main mode, where an original owner answers nobody who asks for a snapshot.
"""

config_model = {'optional': {'topic': str, 'first': int, 'size': int}}

OWN = {'number': None, 'book': {}}


def changes(number, size):
    """One key is set, another one deleted if it is there."""
    made = {'k%d' % (number % 40): '%d.%s' % (number, ' ' * size), 'last': number}
    deleted = 'k%d' % ((number * 7 + 3) % 40)
    if number % 3 == 0 and deleted in OWN['book'] and deleted not in made:
        made[deleted] = None
    return made


def on_burst(args, to_send, states, config):
    if OWN['number'] is None:
        OWN['number'] = config.get('first', 0) - 1
    OWN['number'] += args.get('skip', 0)
    for step in range(args['steps']):
        OWN['number'] += 1
        is_snapshot = args.get('replace', False) and step == 0
        made = {'only': OWN['number']} if is_snapshot else changes(OWN['number'], config.get('size', 0))
        # The framework keeps this very dictionary as its state.
        to_send('state', 'book', {'current_num': OWN['number'], 'is_snapshot': is_snapshot, 'state': dict(made)})
        book = {} if is_snapshot else OWN['book']
        book.update(made)
        OWN['book'] = {key: value for key, value in book.items() if value is not None}
    return {'number': OWN['number'], 'book': OWN['book']}


connection_models = {
    'in': {
        'burst': {
            'connection_type': 'replyer',
            'required_creation_arguments': {'on_new_request': on_burst},
            'required_arguments': {'steps': int},
            'optional_arguments': {'skip': int, 'replace': bool},
            'required_return_arguments': {'number': int, 'book': dict},
        },
    },
}

state_models = {
    'out': {
        'book': {
            'state_type': 'delta_update_out',
            'required_state_arguments': {'current_num': int, 'is_snapshot': bool},
            'required_arguments': {'state': dict},
        },
    },
}


def setup_state_models(models, config):
    if config.get('topic'):
        models['out']['book']['optional_creation_arguments'] = {'topic': config['topic']}
    return models
