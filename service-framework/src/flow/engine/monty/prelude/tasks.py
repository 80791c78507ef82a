# `flow.tasks`, and what there is of `asyncio` and `functools`.


def __flow_make_tasks(core):
    import asyncio as native
    import functools as native_functools

    async def task(awaitable):
        # An interrupt comes to all tasks, and each of them shall tidy up.
        try:
            return await __flow_wait__(awaitable)
        except KeyboardInterrupt as interrupt:
            return interrupt

    async def worker(left, results):
        while left:
            place, awaitable = left.pop(0)
            results[place] = await task(awaitable)
            if isinstance(results[place], KeyboardInterrupt):
                left.clear()

    async def gathered(awaitables, limit):
        core.tasks += 1
        try:
            if limit is None or limit >= len(awaitables):
                results = await native.gather(*[task(awaitable) for awaitable in awaitables])
            else:
                left = list(enumerate(awaitables))
                results = [None] * len(awaitables)
                await native.gather(*[worker(left, results) for _ in range(limit)])
        finally:
            core.tasks -= 1
        for result in results:
            if isinstance(result, KeyboardInterrupt):
                raise result
        return results

    def gather(*awaitables, limit=None):
        if limit is not None and limit < 1:
            raise ValueError("limit= is how many may be at work at once, so at least 1")
        return gathered(awaitables, limit)

    def run(awaitable):
        return await __flow_wait__(awaitable)

    async def nap(seconds):
        core.external("time.sleep", core.seconds(seconds))

    tasks = __flow_Module()
    tasks.gather = gather

    asyncio = __flow_Module()
    asyncio.gather = gather
    asyncio.run = run
    asyncio.sleep = nap
    asyncio.TimeoutError = TimeoutError

    functools = __flow_Module()
    functools.reduce = __flow_reduce
    functools.partial = native_functools.partial
    return tasks, asyncio, functools
