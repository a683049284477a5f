"""The bot's processes as an operator starts them, and GitHub's side of a delivery."""

import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

SECRET = "a secret that is long enough"
T = TypeVar("T")
PERFBOT = Path(sys.executable).with_name("perfbot")
TESTS = Path(__file__).parent


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers_for(
    body: bytes, event: str = "issue_comment", delivery: str = "", secret: str = SECRET
) -> dict[str, str]:
    """Return what GitHub sends with a body, by its documentation."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": signature(body, secret),
    }


def comment_payload(
    comment_id: int = 1, text: str = "/optimize", repository_id: int = 7, **changed: Any
) -> dict[str, Any]:
    """Return a comment on a pull request as GitHub describes it, cut to what somebody reads."""
    person = {"id": 42, "login": "ada", "type": "User"}
    return {
        "action": "created",
        "installation": {"id": 9},
        "repository": {"id": repository_id, "full_name": "shop/cart", "default_branch": "main"},
        "issue": {"number": 3, "pull_request": {"url": "https://example.test"}, "body": ""},
        "comment": {
            "id": comment_id,
            "body": text,
            "user": person,
            "created_at": "2026-11-30T12:00:00Z",
        },
        "sender": person,
    } | changed


class Process:
    """A process whose log is read line by line as JSON; killed at the end, whatever happens."""

    def __init__(self, argv: list[str], environ: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self.popen = subprocess.Popen(
            argv, env={**_own_environment(), **environ}, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stderr
        self.lines.extend(iter(self.popen.stderr.readline, ""))

    def said(self, pattern: str, timeout_s: float = 60) -> re.Match[str]:
        """Wait until the log matches."""

        def look() -> re.Match[str] | None:
            ended = self.popen.poll() is not None
            found = re.search(pattern, "".join(self.lines))
            assert found or not ended, "it has ended:\n" + "".join(self.lines)
            return found

        return wait_for(look, timeout_s, lambda: f"{pattern} in:\n" + "".join(self.lines))

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGKILL)
        self._ended(60)

    def end(self, timeout_s: float = 60) -> int:
        """End it as a supervisor would; return its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self._ended(timeout_s)

    def _ended(self, timeout_s: float) -> int:
        code = self.popen.wait(timeout_s)
        self._reader.join()
        assert self.popen.stderr
        self.popen.stderr.close()
        return code


class Server(Process):
    """``perfbot serve`` with its state in a folder."""

    def __init__(
        self, state: Path, secret: str = SECRET, arguments: Sequence[str] = (), **environ: str
    ) -> None:
        argv = [str(PERFBOT), "serve", "--listen", "127.0.0.1:0", *arguments]
        given = {"XDG_STATE_HOME": str(state), "PERFBOT_WEBHOOK_SECRET": secret, **environ}
        super().__init__(argv, given)
        self.port = int(self.said(r"listening on 127\.0\.0\.1:(\d+)")[1])

    def send(
        self, body: bytes, headers: Mapping[str, str], path: str = "/webhook", method: str = "POST"
    ) -> tuple[int, str]:
        """Send one request and return the status and the body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def deliver(
        self, payload: Mapping[str, Any], event: str = "issue_comment", id: str = ""
    ) -> int:
        """Deliver an event as GitHub does and return the status."""
        body = json.dumps(payload).encode()
        return self.send(body, headers_for(body, event, id))[0]

    def get(self, path: str) -> tuple[int, str]:
        return self.send(b"", {}, path, "GET")


class Worker(Process):
    """A worker whose work is written into a ledger (``ledger_worker.py``)."""

    def __init__(self, state: Path, ledger: Path, *arguments: str, **environ: str) -> None:
        argv = [sys.executable, str(TESTS / "ledger_worker.py"), str(ledger), *arguments]
        super().__init__(argv, {"XDG_STATE_HOME": str(state), **environ})
        self.said("worker begins")


def wait_for(
    look: Callable[[], T | None], timeout_s: float = 60, why: Callable[[], str] = str
) -> T:
    """Return what ``look`` finds, once it finds something."""
    end_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < end_s, why()
        time.sleep(0.02)
    return found


def ledger_lines(ledger: Path) -> list[str]:
    return ledger.read_text().splitlines() if ledger.exists() else []


def _own_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PERFBOT_")}
