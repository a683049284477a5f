"""Makes recorded calls a given number of times and looks at no clock: who counts stands outside.

Imports as little as it can, as everything here runs some twenty times slower where instructions
are counted by a simulated processor.
"""

from __future__ import annotations

import binascii
import gc
import importlib.machinery
import io
import itertools
import os
import pickle
import random
import resource
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from _perfbot_inside import tap

if TYPE_CHECKING:
    from _perfbot_inside.results import Results

    Call = tuple[tuple[Any, ...], dict[str, Any]]
    Batch = list[Call]

_AT_MOST_ITEMS = 20_000  # taken from an iterator, as where calls are timed
_NOT_PLAIN = 0x20 | 0x80 | 0x200  # code flags of generators, coroutines, asynchronous generators


def run(job: dict[str, Any], results: Results) -> None:
    """Do a ``repeat`` job: warm up, then make ``rounds`` rounds of the calls, each number in a forked child.

    All children start from the same state, so that they differ by their rounds alone; arguments that
    calls change are copied beforehand, for as many rounds as the longest has. Sends what the kernel
    says of the children.
    """
    path, _, qualname = job["function"].rpartition("::")
    function = tap.reach(job["tree"], job["roots"], path, qualname, job["modules"])
    rounds = _prepared(job)
    random.seed(0)
    make = _maker(function)
    sys.stdout = sys.stderr = _Nowhere()
    for batch in rounds[: job["warm_up"]]:
        make(batch)
    gc.collect()
    gc.freeze()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    _refuse_threads()
    for number in job["rounds"]:
        _in_a_child(make, rounds[job["warm_up"] :][:number])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    results.send(
        "repeated", system_s=used.ru_stime, waits=used.ru_nvcsw, native=sorted(_native(function))
    )


class _Nowhere(io.StringIO):
    """Costs what it costs where calls are timed."""

    def write(self, text: str) -> int:
        return len(text)


def _prepared(job: dict[str, Any]) -> list[Batch]:
    """Return each round's calls, as often as each is made in one."""
    count = job["warm_up"] + max(job["rounds"])
    rounds: list[Batch] = [[] for _ in range(count)]
    for call, fresh, repeats in zip(job["calls"], job["fresh"], job["repeats"], strict=True):
        pickled = binascii.a2b_base64(call)
        kept = pickle.loads(pickled)
        for batch in rounds:
            batch.extend(pickle.loads(pickled) if fresh else kept for _ in range(repeats))
    return rounds


def _refuse_threads() -> None:
    if threading.active_count() > 1:
        raise RuntimeError("its module started threads, which are lost where a process forks")


def _in_a_child(make: Callable[[Batch], None], batches: list[Batch]) -> None:
    child = os.fork()
    if child == 0:
        try:
            random.seed(0)  # forking has seeded it anew
            sys.stdout = sys.stderr = _Nowhere()
            for batch in batches:
                make(batch)
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a forked process ended with {os.waitstatus_to_exitcode(status)}")


def _native(function: Callable[..., Any]) -> set[str]:
    """Return the packages with compiled code, beside Python's own, that the function's module names."""
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    compiled = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if str(getattr(module, "__file__", "")).endswith(suffixes)
    }
    named = {
        str(getattr(value, "__module__", None) or getattr(value, "__name__", "")).partition(".")[0]
        for value in list(function.__globals__.values())
    }
    return (compiled - sys.stdlib_module_names) & (named | set(function.__code__.co_names))


def _maker(function: Callable[..., Any]) -> Callable[[Batch], None]:
    """Return what makes calls and does what they leave to be done, as ``clock.Timed`` does."""
    kind, drive = "function", None
    if function.__code__.co_flags & _NOT_PLAIN:
        from _perfbot_inside import behaviour, record

        kind, drive = record.kind_of(function), behaviour.drive

    def make(batch: Batch) -> None:
        for arguments, keywords in batch:
            try:
                result = function(*arguments, **keywords)
                if drive is not None:
                    drive(kind, result)
                elif hasattr(result, "__next__"):
                    list(itertools.islice(result, _AT_MOST_ITEMS))
            except Exception:
                continue

    return make
