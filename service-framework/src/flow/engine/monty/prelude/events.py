# `flow.events` and `flow.flows`: what flows tell each other and the world.


def __flow_make_events(core):
    class Message:
        """The next message of a name. Each await waits for one more."""

        def __init__(self, name):
            self.name = name

        def _flow_wait(self):
            return core.later("wait.message", self.name)

        def __repr__(self):
            return f"signal({self.name!r})"

    class Queue:
        """Messages of a name, in the order in which they came."""

        def __init__(self, name):
            self.name = name

        def get(self):
            return Message(self.name)

        def __repr__(self):
            return f"queue({self.name!r})"

    def emit(flow, name, data=None):
        core.external("flow.emit", id_of(flow), name, data)

    def publish(name, value):
        core.ask("flow.publish", name, value)

    class Flow:
        """Another flow. To await it gives what it comes to."""

        def __init__(self, id):
            self.id = id

        def get(self):
            return core.external("flow.get", self.id)

        def cancel(self):
            core.external("flow.cancel", self.id)

        def emit(self, name, data=None):
            core.external("flow.emit", self.id, name, data)

        def result(self):
            return core.external("flow.result", self.id)

        def _flow_wait(self):
            return self._result()

        async def _result(self):
            return await core.later("wait.call", core.begin("flow.result", self.id))

        def __repr__(self):
            return f"Flow({self.id!r})"

    def id_of(flow):
        return flow.id if isinstance(flow, Flow) else flow

    def start(file, function="main", *, args=None, id=None):
        wanted = {"file": file, "function": function, "args": args or {}, "id": id}
        return Flow(core.external("flow.start", wanted))

    def spawn(function, *, id=None, **args):
        name = function if isinstance(function, str) else core.name_of(function)
        return Flow(core.external("flow.start", {"function": name, "args": args, "id": id}))

    def get(flow):
        return core.external("flow.get", id_of(flow))

    def cancel(flow):
        core.external("flow.cancel", id_of(flow))

    def flow(id):
        return Flow(id)

    class This:
        """The flow that runs."""

        def __init__(self, about):
            self.id = about["id"]
            self.name = about["name"]
            self.attempt = about["attempt"]

        def __repr__(self):
            return f"Flow({self.id!r})"

    def this():
        return This(core.ask("flow.self"))

    events = __flow_Module()
    events.signal = Message
    events.queue = Queue
    events.emit = emit
    events.publish = publish

    flows = __flow_Module()
    flows.start = start
    flows.spawn = spawn
    flows.get = get
    flows.cancel = cancel
    flows.flow = flow
    flows.this = this
    return events, flows
