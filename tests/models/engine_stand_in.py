"""Installed as ``vllm`` or ``transformers`` into a Python of its own: a server that says what it was told.

It stands for the engine's program, not for a model. It has a worker that ignores SIGTERM, writes down
its command line and environment, and does what the model's ``config.json`` says under ``"then"``.
"""

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

IGNORES = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
REPLY = {
    "id": "c",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "delta": {"content": "served"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


class Http(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._begin(200 if self.path == "/health" else 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        note("request.json", json.loads(body))
        self._begin(200)
        self.wfile.write(f"data: {json.dumps(REPLY)}\n\ndata: [DONE]\n\n".encode())

    def _begin(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()


def note(name: str, told: object) -> None:
    """Write beside the model what a test will read, whole or not at all."""
    place = directory() / name
    place.with_suffix(".part").write_text(json.dumps(told))
    place.with_suffix(".part").rename(place)


def directory() -> Path:
    return Path(sys.argv[2])


def main() -> None:
    worker = subprocess.Popen([sys.executable, "-c", IGNORES], stdout=subprocess.PIPE)
    assert worker.stdout
    worker.stdout.readline()
    pids = [os.getpid(), worker.pid]
    note("started.json", {"argv": sys.argv, "environ": dict(os.environ), "pids": pids})
    match json.loads((directory() / "config.json").read_text()).get("then"):
        case "fail":
            raise ValueError("these weights are no weights")
        case "hang":
            time.sleep(600)
    port = int(sys.argv[sys.argv.index("--port") + 1])
    ThreadingHTTPServer(("127.0.0.1", port), Http).serve_forever()
