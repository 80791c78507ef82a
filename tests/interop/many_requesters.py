"""Asks one replyer from `requesters` REQ sockets at once, `n` times each.

Every payload differs, so that an answer that reached the wrong socket would be seen. Config `middle`
(bool) says that the replyer is a `middle`, whose answers are the payload twice, then "!".
"""

import threading

from service_framework.connections.out.requester import Requester

from common import report

config_model = {'required': {'address': str, 'requesters': int, 'n': int}, 'optional': {'middle': bool}}

MODEL = {
    'connection_type': 'requester',
    'required_arguments': {'payload': str},
    'optional_arguments': {'cmd': str},
    'required_return_arguments': {'echo': str},
}


def main(to_send, config):
    gate = threading.Barrier(config['requesters'])
    whole = []
    expected = '{0}{0}!' if config.get('middle') else '{0}'

    def ask(number):
        requester = Requester(MODEL, {'requester': config['address']})
        gate.wait()
        for turn in range(config['n']):
            payload = '{}-{}'.format(number, turn)
            reply = requester.send({'args': {'payload': payload}, 'workflow_id': payload})
            answer = {'return_args': {'echo': expected.format(payload)}, 'workflow_id': payload}
            if reply == answer:
                whole.append(payload)

    threads = [threading.Thread(target=ask, args=(each,)) for each in range(config['requesters'])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report(whole=len(set(whole)))
