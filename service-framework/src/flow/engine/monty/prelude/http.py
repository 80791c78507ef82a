# `flow.http`: requests, and callbacks.


def __flow_make_http(core):
    import json as codec

    class Event:
        """What a callback is delivered with. Each await waits for it."""

        def __init__(self, id):
            self.id = id

        def _flow_wait(self):
            return core.later("wait.callback", self.id)

        def __repr__(self):
            return f"Event({self.id!r})"

    class Callback:
        """A URL to which something can be delivered, at most once."""

        def __init__(self, id, url):
            self.id = id
            self.url = url
            self.event = Event(id)

        def _flow_wait(self):
            return self.event._flow_wait()

        def __repr__(self):
            return f"Callback({self.url!r})"

    class Callbacks:
        def new(self):
            made = core.ask("http.callback")
            return Callback(made["id"], made["url"])

    def charset_of(headers):
        for part in headers.get("content-type", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name.lower() == "charset":
                return value.strip('"').lower()
        return "utf-8"

    def decode(body, headers):
        if isinstance(body, str):
            return body
        if charset_of(headers) in ("iso-8859-1", "latin-1", "latin1"):
            return "".join([chr(byte) for byte in body])
        return body.decode("utf-8", "replace")

    class Response:
        """What a server answered."""

        def __init__(self, answer):
            self.status_code = answer["status"]
            self.reason = answer["reason"]
            self.headers = answer["headers"]
            self.content = answer["body"]
            self.url = answer["url"]
            self.ok = self.status_code < 400
            # Decoded when it is first looked at.
            self.text = None

        def json(self):
            return codec.loads(self._text())

        def header(self, name, default=None):
            return self.headers.get(name.lower(), default)

        def raise_for_status(self):
            if self.ok:
                return self
            kind = "Client" if self.status_code < 500 else "Server"
            raise OSError(f"{self.status_code} {kind} Error: {self.reason} for url: {self.url}")

        def _text(self):
            if self.text is None:
                self.text = decode(self.content, self.headers)
            return self.text

        def __repr__(self):
            return f"<Response [{self.status_code}]>"

    class Pending:
        """A request that was sent and whose answer nobody has awaited yet."""

        def __init__(self, handle, request):
            self.handle = handle
            self.request = request

        def _flow_wait(self):
            return self._answer()

        async def _answer(self):
            response = Response(await core.later("wait.call", self.handle))
            self.request.response = response
            return response

        def __repr__(self):
            return f"Pending({self.request!r})"

    def pairs_of(values):
        items = values.items() if isinstance(values, dict) else values
        pairs = []
        for name, value in items:
            if isinstance(value, (list, tuple)):
                pairs.extend([[str(name), text_of(item)] for item in value])
            elif value is not None:
                pairs.append([str(name), text_of(value)])
        return pairs

    def text_of(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def retry_of(retry):
        if isinstance(retry, int):
            return {"attempts": retry, "backoff": 1.0, "max_backoff": 60.0}
        if isinstance(retry, dict):
            return {"attempts": 3, "backoff": 1.0, "max_backoff": 60.0, **retry}
        return None

    class Request:
        """A request that is sent when it is executed, or when something of its answer is first looked at."""

        def __init__(self, method, url, parts):
            self.method = method.upper()
            self.url = url
            self.response = None
            self._parts = parts

        def execute(self, request=None):
            request = sendable(self if request is None else request)
            request.response = Response(core.external("http.request", request._errand()))
            return request.response

        def start(self, request=None):
            request = sendable(self if request is None else request)
            return Pending(core.begin("http.request", request._errand()), request)

        def json(self):
            return self._sent().json()

        def header(self, name, default=None):
            return self._sent().header(name, default)

        def raise_for_status(self):
            return self._sent().raise_for_status()

        def _flow_wait(self):
            return self.start()._flow_wait()

        def _sent(self):
            if self.response is None:
                self.execute()
            return self.response

        def _errand(self):
            return {"method": self.method, "url": self.url, **self._parts}

        def __repr__(self):
            return f"<Request [{self.method} {self.url}]>"

    def sendable(request):
        if not isinstance(request, Request):
            raise TypeError("execute() and start() take a request that request.new() made, not " + type(request).__name__)
        return request

    def make(method, url, *, headers=None, params=None, json=None, data=None, timeout=None, retry=None):
        if json is not None and data is not None:
            raise ValueError("a request has either json= or data=, not both")
        parts = {
            "headers": {str(name): str(value) for name, value in (headers or {}).items()},
            "params": pairs_of(params or []),
            "timeout": None if timeout is None else core.seconds(timeout),
            "retry": retry_of(retry),
        }
        if json is not None:
            parts["json"] = json
        elif isinstance(data, (str, bytes)):
            parts["body"] = data
        elif data is not None:
            parts["form"] = pairs_of(data)
        return Request(method, str(url), parts)

    class Requests:
        def new(self, method, url, **parts):
            return make(method, url, **parts)

        def get(self, url, **parts):
            return make("GET", url, **parts)

        def post(self, url, **parts):
            return make("POST", url, **parts)

        def put(self, url, **parts):
            return make("PUT", url, **parts)

        def patch(self, url, **parts):
            return make("PATCH", url, **parts)

        def delete(self, url, **parts):
            return make("DELETE", url, **parts)

        def execute(self, request):
            return sendable(request).execute()

        def start(self, request):
            return sendable(request).start()

    def sent(value):
        return value._sent() if isinstance(value, Request) else value

    def with_text(value):
        value = sent(value)
        if isinstance(value, Response):
            value._text()
        return value

    module = __flow_Module()
    module.callback = Callbacks()
    module.request = Requests()
    return module, sent, with_text
