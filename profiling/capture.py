"""Real calls of a function, recorded while the workload runs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from perfbot.profiling.facts import Seen, seen_from_json
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.messages import Message
from perfbot.profiling.sandbox import Limits
from perfbot.profiling.suite import activities
from perfbot.profiling.target import Target
from perfbot.profiling.tree import Tree
from perfbot.profiling.workload import Workload

LOST = "its calls could not be recorded, as the run with the recorder {trouble}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One distinct call: its pickled arguments (base64, never opened by perfbot) and what it did.

    ``times`` is how often the workload was seen to make it, ``result`` the digest of what it
    returned where that can be compared, ``raised`` the type of the exception it ended with and
    ``failure`` that exception's digest. Of functions whose body runs later neither is known.
    """

    arguments: str
    times: int
    ns: int
    result: str | None
    raised: str | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that was recorded of one function.

    ``calls`` is in the order in which they were first made; ``path`` is ``sys.path`` of that process,
    which unpickling needs; ``count`` counts all calls, the recursive ones too, and ``tests`` those that
    the body of a test led to, by its name. ``trouble`` says why nothing is known of the function
    although something may have called it.
    """

    function: FunctionName
    kind: str = "function"
    count: int = 0
    unpicklable: int = 0
    why_unpicklable: str = ""
    facts: Mapping[str, Seen] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    calls: tuple[Recorded, ...] = ()
    trouble: str = ""
    tests: Mapping[str, int] = field(default_factory=dict)

    @property
    def repeats(self) -> bool:
        """Whether the workload repeats calls, so that remembering their results could pay."""
        return any(call.times > 1 for call in self.calls)


def capture(
    target: Target,
    tree: Tree,
    workload: Workload,
    functions: Sequence[FunctionName],
    *,
    wall_s: float,
) -> Mapping[FunctionName, Recording]:
    """Run the workload once with the functions' definitions wrapped, and return what was seen.

    A function that was never called has a recording with ``count`` 0; so has one whose calls were
    lost because the run did not come to its end, with ``trouble``.
    """
    wanted: dict[str, list[str]] = {}
    for function in functions:
        wanted.setdefault(function.path, []).append(function.qualname)
    found = {function: Recording(function) for function in functions}
    by_key = {str(function): function for function in functions}
    limits = Limits(wall_s=wall_s, cpu_s=int(wall_s) + 60)
    for activity in activities(workload):
        job = {**activity, "functions": wanted, "record": True}
        reply = target.run(job, tree, limits=limits, writable=True)
        for message in reply.of_kind("calls"):
            function_ = by_key.get(message.text("function"))
            if function_ is not None:
                found[function_] = _joined(found[function_], _recording(function_, message))
        if not reply.finished:
            found = {each: _troubled(known, reply.trouble) for each, known in found.items()}
    return found


def _troubled(known: Recording, trouble: str) -> Recording:
    return known if known.count else replace(known, trouble=LOST.format(trouble=trouble[-500:]))


def _recording(function: FunctionName, message: Message) -> Recording:
    facts = {
        name: fact
        for name, each in message.mapping("facts").items()
        if (fact := seen_from_json(each))
    }
    return Recording(
        function,
        message.text("function_kind") or "function",
        message.whole("count"),
        message.whole("unpicklable"),
        message.text("why_unpicklable"),
        facts,
        message.texts("path"),
        tuple(_recorded(call) for call in message.objects("calls") if call.text("arguments")),
        tests=_tests(message.mapping("tests")),
    )


def _tests(told: Mapping[str, object]) -> Mapping[str, int]:
    return {test: calls for test, calls in told.items() if type(calls) is int and calls > 0}


def _recorded(call: Message) -> Recorded:
    return Recorded(
        call.text("arguments"),
        max(1, call.whole("times")),
        call.whole("ns"),
        call.text("returned") or None,
        call.text("raised") or None,
        call.text("failure"),
    )


def _joined(one: Recording, other: Recording) -> Recording:
    """Join what two activities (tests, a command) recorded; the one with more calls gives the path."""
    tests = {**other.tests, **one.tests}
    if not one.calls or not other.calls:
        return replace(one if one.count > other.count else other, tests=tests)
    known = {hashlib.sha256(call.arguments.encode()).digest() for call in one.calls}
    fresh = [
        call
        for call in other.calls
        if hashlib.sha256(call.arguments.encode()).digest() not in known
    ]
    return Recording(
        one.function,
        one.kind,
        one.count + other.count,
        one.unpicklable + other.unpicklable,
        one.why_unpicklable or other.why_unpicklable,
        {**other.facts, **one.facts},
        tuple(dict.fromkeys((*one.path, *other.path))),
        (*one.calls, *fresh),
        tests=tests,
    )
