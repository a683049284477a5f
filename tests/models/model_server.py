"""A real HTTP server that speaks the OpenAI-compatible chat format and says what a test scripted.

It stands for the endpoint, not for a model: what arrives over the wire is recorded as it was sent.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Handler = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class ModelServer:
    """What was asked, and at which address."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def prompt(self, number: int) -> str:
        """All messages of one request, joined."""
        return "\n".join(each["content"] for each in self.requests[number]["messages"])


def says(text: str, *, finish: str = "stop", logprobs: Sequence[float] = ()) -> Handler:
    """Stream a text in pieces of ten characters, then what it cost."""

    def handle(http: BaseHTTPRequestHandler) -> None:
        _begin(http, 200, "text/event-stream")
        for start in range(0, len(text), 10):
            content = [{"token": "t", "logprob": each, "top_logprobs": []} for each in logprobs]
            choice = {"index": 0, "delta": {"content": text[start : start + 10]}}
            _event(
                http,
                [choice | ({"logprobs": {"content": content}} if content and not start else {})],
            )
        _event(http, [{"index": 0, "delta": {}, "finish_reason": finish}])
        usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
        _event(http, [], usage=usage)
        http.wfile.write(b"data: [DONE]\n\n")

    return handle


def streams(*deltas: dict[str, Any], finish: str = "stop", rest: str = "") -> Handler:
    """Stream one event for each delta; ``rest`` follows as it is."""

    def handle(http: BaseHTTPRequestHandler) -> None:
        _begin(http, 200, "text/event-stream")
        for delta in deltas:
            _event(http, [{"index": 0, "delta": delta}])
        _event(http, [{"index": 0, "delta": {}, "finish_reason": finish}])
        http.wfile.write(rest.encode())

    return handle


def understands_all_but(*names: str, told: str = "unknown parameter: {name}") -> Handler:
    """Refuse a request that has one of these parameters; ``told`` is what the refusal says."""

    def handle(http: BaseHTTPRequestHandler) -> None:
        sent = http.server.received.requests[-1]  # type: ignore[attr-defined]
        for name in names:
            if name in sent:
                error = {"message": told.format(name=name), "type": "invalid_request_error"}
                fails(400, json.dumps({"error": error}))(http)
                return
        says("understood")(http)

    return handle


def sends_elsewhere(url: str) -> Handler:
    """Answer with a redirect."""

    def handle(http: BaseHTTPRequestHandler) -> None:
        http.send_response(307)
        http.send_header("Location", url)
        http.send_header("Content-Length", "0")
        http.end_headers()

    return handle


def fails(status: int, body: str = "", kind: str = "application/json") -> Handler:
    """Answer with a status and a body."""

    def handle(http: BaseHTTPRequestHandler) -> None:
        _begin(http, status, kind)
        http.wfile.write(body.encode())

    return handle


def never_ends(http: BaseHTTPRequestHandler) -> None:
    """Stream until the other side has had enough."""
    _begin(http, 200, "text/event-stream")
    try:
        while True:
            _event(http, [{"index": 0, "delta": {"content": "again and again " * 64}}])
    except OSError:
        return


def drips(http: BaseHTTPRequestHandler) -> None:
    """Send a comment every now and then, so that no time-out between two bytes is ever reached."""
    _begin(http, 200, "text/event-stream")
    try:
        while True:
            http.wfile.write(b": still here\n\n")
            threading.Event().wait(0.05)
    except OSError:
        return


def never_ends_a_line(http: BaseHTTPRequestHandler) -> None:
    """Send one event that has no end, as fast as it is taken."""
    _begin(http, 200, "text/event-stream")
    try:
        http.wfile.write(b"data: ")
        while True:
            http.wfile.write(b"x" * 65536)
    except OSError:
        return


def hangs(http: BaseHTTPRequestHandler) -> None:
    """Send nothing at all for some seconds."""
    threading.Event().wait(4)


def _begin(http: BaseHTTPRequestHandler, status: int, kind: str) -> None:
    http.send_response(status)
    http.send_header("Content-Type", kind)
    http.send_header("Connection", "close")
    http.end_headers()


def _event(
    http: BaseHTTPRequestHandler, choices: list[Any], usage: dict[str, int] | None = None
) -> None:
    chunk = {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
        "choices": choices,
        "usage": usage,
    }
    http.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())


@contextmanager
def serving(*script: Handler) -> Iterator[ModelServer]:
    """Serve one handler for each request in turn; the last one again for all that follow."""
    server = ModelServer()
    waiting = list(script)

    class Http(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(json.loads(body))
            server.keys.append(self.headers.get("Authorization", ""))
            (waiting.pop(0) if len(waiting) > 1 else waiting[0])(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Http)
    http.daemon_threads = True
    http.received = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_port}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
