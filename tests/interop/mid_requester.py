"""Sends one payload with a workflow id of its own choosing, and reports the whole reply.

The original gives a main no way to choose its workflow id, so this one speaks through the
original's own requester connection.
"""

from service_framework.connections.out.requester import Requester

from common import report

config_model = {'required': {'address': str, 'payload': str, 'workflow_id': str}}

MODEL = {
    'connection_type': 'requester',
    'required_arguments': {'payload': str},
    'required_return_arguments': {'echo': str},
}


def main(to_send, config):
    requester = Requester(MODEL, {'requester': config['address']})
    reply = requester.send({
        'args': {'payload': config['payload']},
        'workflow_id': config['workflow_id'],
    })
    report(**reply)
