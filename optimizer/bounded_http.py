"""An HTTP client whose questions end: at a time, and after so many bytes, whatever a server sends.

The time-outs of an HTTP client count from byte to byte; a server that sends one comment a second
would keep a caller for ever, and one that never ends a line would fill the memory.
"""

import time
from collections.abc import Iterator

import httpx2
from openai import DefaultHttpxClient

TOO_SLOW = "no end after {seconds:.0f} s"
TOO_MUCH = "more than {most:,} bytes were sent"

FAILURES = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)


def bounded_client(timeout_s: float, most_bytes: int) -> httpx2.Client:
    """Return a client for one question, retries included; what exceeds its bounds raises ReadError.

    Redirects are not followed: what is asked holds source code, and goes where the operator said.
    """
    end_s = time.monotonic() + timeout_s

    def hurry(request: httpx2.Request) -> None:
        left_s = max(0.001, end_s - time.monotonic())
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left_s)

    def bound(response: httpx2.Response) -> None:
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Bounded(response.stream, timeout_s, end_s, most_bytes)

    return DefaultHttpxClient(
        follow_redirects=False, event_hooks={"request": [hurry], "response": [bound]}
    )


class _Bounded(httpx2.SyncByteStream):
    def __init__(
        self, inner: httpx2.SyncByteStream, timeout_s: float, end_s: float, most_bytes: int
    ) -> None:
        self._inner = inner
        self._timeout_s = timeout_s
        self._end_s = end_s
        self._left_bytes = self._most_bytes = most_bytes

    def __iter__(self) -> Iterator[bytes]:
        for part in self._inner:
            self._left_bytes -= len(part)
            if self._left_bytes < 0:
                raise httpx2.ReadError(TOO_MUCH.format(most=self._most_bytes))
            if time.monotonic() > self._end_s:
                raise httpx2.ReadError(TOO_SLOW.format(seconds=self._timeout_s))
            yield part

    def close(self) -> None:
        self._inner.close()
