"""Results go to the parent as JSON lines on a pipe that tests cannot stumble over.

Each line starts with the job's password, so that code that merely finds the pipe cannot say anything.
"""

from __future__ import annotations

import json
import os


class Results:
    """Writes one JSON object a line; ``kind`` says what it is."""

    def __init__(self, descriptor: int, password: str) -> None:
        # A copy under a high number: a test that closes "all" descriptors below 256 spares it.
        import fcntl

        self._descriptor = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 500)
        self._process = os.getpid()
        os.close(descriptor)
        self._password = password

    def send(self, kind: str, **fields: object) -> None:
        """Send one result; silent in a forked child, whose word does not count."""
        if os.getpid() != self._process:
            return
        data = (self._password + json.dumps({"kind": kind, **fields}) + "\n").encode()
        while data:
            data = data[os.write(self._descriptor, data) :]
