# `flow` itself: the modules, put together.


def __flow_make():
    core = __flow_core
    time, stdtime = __flow_make_time(core)
    random, uuid = __flow_make_random(core)
    http, sent, with_text = __flow_make_http(core)
    tasks, asyncio, functools = __flow_make_tasks(core)
    events, flows = __flow_make_events(core)
    service, program, secrets, saga, retry = __flow_make_outside(core, time.sleep, random.random)

    flow = __flow_Module()
    flow.time = time
    flow.http = http
    flow.tasks = tasks
    flow.events = events
    flow.flows = flows
    flow.service = service
    flow.program = program
    flow.secrets = secrets
    flow.saga = saga
    flow.retry = retry
    flow.stdtime = stdtime
    flow.random = random
    flow.uuid = uuid
    flow.asyncio = asyncio
    flow.functools = functools
    return flow, sent, with_text


__flow__, __flow_sent__, __flow_text__ = __flow_make()
