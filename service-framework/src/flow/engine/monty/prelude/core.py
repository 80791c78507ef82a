# What the modules stand on: calls to the host, and what can be awaited.


def __flow_make_module():
    class module:
        """A module, or a part of one."""

    return module


__flow_Module = __flow_make_module()


def __flow_make_core(host):
    from datetime import timedelta

    class Core:
        def __init__(self):
            # How many `gather`s are at work: inside of one, nothing may hold up the other tasks.
            self.tasks = 0
            # What is to be done when the flow fails, what of that was done, and what went wrong with it.
            self.undo = []
            self.undone = []
            self.notes = []

        def ask(self, name, *args):
            return host(name, list(args))

        def begin(self, name, *args):
            return host("begin", [name, list(args)])

        async def later(self, name, *args):
            # What fails comes as a value: an error that monty itself raised here would pass by all that catches it in a task.
            value = await host(name, list(args))
            if isinstance(value, BaseException):
                raise value
            return value

        def external(self, name, *args):
            if self.tasks:
                return await self.later("wait.call", host("begin", [name, list(args)]))
            return host(name, list(args))

        def finish(self, value):
            if str(type(value)) == "<class 'coroutine'>":
                return await value
            return value

        def name_of(self, function):
            # Functions know their names only as a part of their text: <function 'main' at 0x12>.
            parts = str(function).split("'")
            return parts[1] if len(parts) > 1 else str(function)

        def seconds(self, value):
            if isinstance(value, timedelta):
                value = value.total_seconds()
            if not isinstance(value, (int, float)):
                raise TypeError("seconds are a number or a timedelta, not " + type(value).__name__)
            if value < 0:
                raise ValueError("seconds must not be negative")
            return value

    return Core()


__flow_core = __flow_make_core(__flow_host)


def __flow_wait__(value):
    if hasattr(value, "_flow_wait"):
        return value._flow_wait()
    return value


def __flow_msg__(*args):
    if len(args) == 1:
        return str(args[0])
    return str(args) if args else ""


def __flow_call__(function, args):
    return __flow_core.finish(function(**args))


def __flow_undo__():
    core = __flow_core
    while core.undo:
        function, args, kwargs = core.undo.pop()
        name = core.name_of(function)
        try:
            core.finish(function(*args, **kwargs))
            core.undone.append(name)
        except BaseException as problem:
            core.notes.append(f"{name}: {type(problem).__name__}: {problem}")
    return [core.undone, core.notes]


Timeout = TimeoutError
