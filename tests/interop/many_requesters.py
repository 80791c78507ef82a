"""Asks one replyer from `requesters` REQ sockets at once, `n` times each.

Every payload differs, so that an answer that reached the wrong socket would be seen. The slowest
and the fastest requester are reported in seconds.
"""

import threading
import time

from service_framework.connections.out.requester import Requester

from common import report

config_model = {'required': {'address': str, 'requesters': int, 'n': int}}

MODEL = {
    'connection_type': 'requester',
    'required_arguments': {'payload': str},
    'optional_arguments': {'cmd': str},
    'required_return_arguments': {'echo': str},
}


def main(to_send, config):
    gate = threading.Barrier(config['requesters'])
    whole, seconds = [], []

    def ask(number):
        requester = Requester(MODEL, {'requester': config['address']})
        gate.wait()
        begun = time.monotonic()
        for turn in range(config['n']):
            payload = '{}-{}'.format(number, turn)
            reply = requester.send({'args': {'payload': payload}, 'workflow_id': payload})
            if reply['return_args'] == {'echo': payload} and reply['workflow_id'] == payload:
                whole.append(payload)
        seconds.append(time.monotonic() - begun)

    threads = [threading.Thread(target=ask, args=(each,)) for each in range(config['requesters'])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report(whole=len(set(whole)), fastest=min(seconds), slowest=max(seconds))
