"""Weighing recorded calls: the memory they need at their peak, and what they leave behind."""

from __future__ import annotations

import base64
import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

from _perfbot_inside import clock, record

if TYPE_CHECKING:
    from _perfbot_inside.results import Results


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``memory`` job: send ``peak_bytes`` and ``kept_bytes``.

    ``peak_bytes`` is the most that one call allocates beyond what was there before it, seen the
    second time it is made. ``kept_bytes`` is what importing the function and making all the calls
    leave allocated: tables and caches, wherever they are filled.
    """
    tracemalloc.start()
    function = clock.imported(job)
    kind = record.kind_of(function)
    with clock.quiet():
        calls = [base64.b64decode(call) for call in job["calls"]]
        peak_bytes = max((_peak_bytes(function, kind, call) for call in calls), default=0)
    del calls
    gc.collect()
    results.send("memory", peak_bytes=peak_bytes, kept_bytes=tracemalloc.get_traced_memory()[0])


def _peak_bytes(function: clock.Function, kind: str, pickled: bytes) -> int:
    timed = clock.Timed(function, kind, pickled, fresh=False)
    timed.span_ns(1)
    timed.renew()
    before_bytes = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    timed.span_ns(1)
    return tracemalloc.get_traced_memory()[1] - before_bytes
