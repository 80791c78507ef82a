# `flow.time`, and `time` as scripts know it.


def __flow_make_time(core):
    from datetime import datetime, timezone

    class timeout:
        """A block that gets no longer than this."""

        def __init__(self, seconds):
            self.seconds = core.seconds(seconds)

        def __enter__(self):
            if core.tasks:
                raise RuntimeError("a task of gather() has no deadline of its own: put `with timeout(...)` around the gather")
            core.ask("deadline.push", self.seconds)
            return self

        def __exit__(self, kind, value, trace):
            core.ask("deadline.pop")
            return False

        def __repr__(self):
            return f"timeout({self.seconds})"

    class forever:
        """A block that gets as long as it needs."""

        def __enter__(self):
            return self

        def __exit__(self, kind, value, trace):
            return False

        def __repr__(self):
            return "forever()"

    def sleep(seconds):
        core.external("time.sleep", core.seconds(seconds))

    def now():
        return datetime.now(timezone.utc)

    def clock():
        return core.ask("time.now")

    def time_ns():
        return int(clock() * 1000000000)

    flow_time = __flow_Module()
    flow_time.sleep = sleep
    flow_time.timeout = timeout
    flow_time.forever = forever
    flow_time.now = now
    flow_time.Timeout = TimeoutError

    time = __flow_Module()
    time.time = clock
    time.monotonic = clock
    time.perf_counter = clock
    time.time_ns = time_ns
    time.sleep = sleep
    return flow_time, time
