# `flow.service`, `flow.program`, `flow.secrets`, `flow.saga` and `flow.retry`.


def __flow_make_outside(core, sleep, draw):
    def to_send(connection, args=None, *, timeout=None, **more):
        wanted = {**(args or {}), **more}
        if timeout is None:
            return core.external("service.request", connection, wanted)
        return core.external("service.request", connection, wanted, core.seconds(timeout))

    def run(program, args=None, **more):
        return core.external("program.run", program, {**(args or {}), **more})

    def secret(name):
        return "{{secret:" + name + "}}"

    def on_failure(function, *args, **kwargs):
        core.undo.append((function, args, kwargs))

    def retry(function, *args, attempts=3, backoff=1.0, max_backoff=60.0, jitter=0.1, on=(OSError,), **kwargs):
        if attempts < 1:
            raise ValueError("attempts= is how often it is tried, so at least 1")
        left = attempts
        wait = core.seconds(backoff)
        while True:
            left -= 1
            try:
                return core.finish(function(*args, **kwargs))
            except on as problem:
                if left == 0:
                    raise
            sleep(__flow_min(wait, max_backoff) * (1 + jitter * draw() if jitter else 1))
            wait *= 2

    service = __flow_Module()
    service.to_send = to_send

    program = __flow_Module()
    program.run = run

    secrets = __flow_Module()
    secrets.get = secret

    saga = __flow_Module()
    saga.on_failure = on_failure

    retrying = __flow_Module()
    retrying.retry = retry
    return service, program, secrets, saga, retrying
