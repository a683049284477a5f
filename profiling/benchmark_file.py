"""A pytest-benchmark file made of recorded calls, for a function that has no benchmark.

The file is one that a maintainer could have written: the function by its public name, a few calls
that matter, each spelled out. It is run once before anybody sees it.
"""

import ast
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from ruff import find_ruff_bin  # type: ignore[import-untyped]

from perfbot.profiling.benchmark import affordable
from perfbot.profiling.effect import Versions
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.own_benchmarks import BenchmarksFailed, timed
from perfbot.profiling.replay import Reference
from perfbot.profiling.sandbox import run_tool
from perfbot.profiling.spelling import STANDARD, Access, NotSpelled, SpelledCall, spelled
from perfbot.profiling.workload import PytestArguments

FOLDER = "benchmarks"
NO_CALL = "no recorded call of it returns"
TOO_LONG = "the calls that take its time cannot be written down: {why}"
DOES_NOT_RUN = "the benchmark that was written for it does not run: {why}"
ASYNCHRONOUS = "pytest-benchmark has no way to time an asynchronous generator"
SOURCE = "The inputs were recorded from the project's own tests and commands."
DRAWN = (
    "The inputs are like those of the project's own tests and commands: where these hold much "
    "data, as much is drawn here at random, from the same range and in the same form, each time the same."
)

_TEMPLATE = '''\
"""Benchmark of {name}() in {path}.

{source}
Run it with: pytest {folder}/{file}
"""

{imports}

{random}
@pytest.mark.parametrize({names}, [{calls}])
def test_{test}(benchmark, {parameters}):
    """Time the calls that take most of the time that the project spends in {name}()."""
    {body}
'''
_MOST_ASKED = 12
_ASKED_S = 10.0  # of the old version's time for the calls that are asked about
_MOST_CALLS = 4
_LEAST_SHARE = 0.05  # of the dearest call's time: a shorter call tells little
_ROUNDS = 50  # of calls that need fresh arguments each time
_RESERVED = frozenset("benchmark request pytest random copy asyncio list RANDOM".split())
_WIDTH = 88  # ruff's own default
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class GeneratedBenchmark:
    """A file that passed when it was run: its name and content."""

    file: str
    content: bytes


def generated(
    versions: Versions, options: Sequence[str], reference: Reference, *, wall_s: float
) -> GeneratedBenchmark:
    """Write a benchmark of the recorded calls of a function, and run it on the new version.

    ``options`` are pytest's, without paths.

    Raises:
        NotSpelled: its calls cannot be written down briefly, or the file does not run.
    """
    function = reference.recording.function
    numbers = _dearest(reference)
    if not numbers:
        raise NotSpelled(NO_CALL)
    access, calls, why = spelled(versions.target, versions.new, reference, numbers)
    chosen = _chosen(calls, reference)
    if not chosen:
        raise NotSpelled(TOO_LONG.format(why=why))
    fresh = any(reference.fresh[call.number] for call in chosen)
    found = GeneratedBenchmark(file_name(function), written(function, access, chosen, fresh))
    _prove(versions, options, found, wall_s)
    return found


def file_name(function: FunctionName) -> str:
    """Return the name of a function's benchmark file."""
    return f"test_bench_{_plain(function.qualname)}.py"


def _plain(qualname: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", qualname)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:60] or "function"


def _harmless(path: str) -> str:
    """Return a path as it may stand in a docstring: a file's name can be any text."""
    return re.sub(r"[^\w./ -]", "?", path)


def _dearest(reference: Reference) -> list[int]:
    """Return the calls that return, the ones with most of the workload's time first."""
    calls = reference.recording.calls
    taken = {
        number: reference.behaviours[number, 0].ns * calls[number].times
        for number in reference.real
        if calls[number].raised is None
    }
    ranked = sorted(taken, key=lambda number: -taken[number])
    return affordable(reference, ranked, _ASKED_S)[:_MOST_ASKED] if ranked else []


def _chosen(calls: Sequence[SpelledCall], reference: Reference) -> list[SpelledCall]:
    """Keep the dearest calls, no very short ones, all with the same parameters as the dearest."""
    times = reference.recording.calls
    replayed = {number: reference.behaviours[number, 0].ns for number in reference.real}
    telling = _LEAST_SHARE * max(replayed.values())  # of all calls: the dearest may not be spelled
    calls = [call for call in calls if replayed[call.number] >= telling]
    ranked = sorted(calls, key=lambda call: -call.ns * times[call.number].times)
    least = _LEAST_SHARE * max((call.ns for call in calls), default=0)
    chosen: dict[tuple[str, ...], SpelledCall] = {}
    for call in ranked:
        if call.ns >= least and _form(call) == _form(next(iter(chosen.values()), call)):
            chosen.setdefault((*call.arguments, *call.keywords.values()), call)
    return list(chosen.values())[:_MOST_CALLS]


def _form(call: SpelledCall) -> tuple[object, ...]:
    return len(call.arguments), tuple(call.keywords), call.parameters


def written(
    function: FunctionName, access: Access, calls: Sequence[SpelledCall], fresh: bool
) -> bytes:
    """Return the text of the file.

    Raises:
        NotSpelled: nothing could time such a function, or names get in each other's way.
        ToolError: ruff, which lays it out, could not be run.
    """
    names = _names(function, access, calls)
    draws = any(call.draws for call in calls)
    values = ", ".join(
        f"pytest.param({', '.join((*call.arguments, *call.keywords.values()))}, id={label!r})"
        for call, label in zip(calls, _labels(calls, names), strict=True)
    )
    text = _TEMPLATE.format(
        name=function.qualname,
        path=_harmless(function.path),
        source=textwrap.fill(DRAWN if draws else SOURCE, _WIDTH),
        folder=FOLDER,
        file=file_name(function),
        imports=_imports(function, access, calls, fresh),
        random="RANDOM = random.Random(0)\n\n" if draws else "",
        names=repr(tuple(names)) if len(names) > 1 else repr(names[0]),
        calls=values + ",",
        test=_plain(function.qualname),
        parameters=", ".join(names),
        body=_body(function, access, calls[0], names, fresh),
    )
    ast.parse(text)
    argv = [find_ruff_bin(), "format", "--isolated", "--no-cache", "--quiet", "-"]
    return run_tool(argv, text.encode(), _TIMEOUT_S)


def _names(function: FunctionName, access: Access, calls: Sequence[SpelledCall]) -> list[str]:
    """Return the names of the benchmark's own parameters: those of the function where it has some."""
    call = calls[0]
    count = len(call.arguments)
    positional = list(call.parameters or (f"argument_{n}" for n in range(1, count + 1)))
    if access.way in ("method", "property") and positional:
        positional[0] = _plain(function.qualname.rpartition(".")[0].rpartition(".")[2])
    taken = {*_RESERVED, *function.qualname.split("."), *call.imports}
    names = [f"{name}_" if name in taken else name for name in (*positional, *call.keywords)]
    if not names or len(set(names)) < len(names):
        raise NotSpelled("it takes no arguments" if not names else "its parameters are ambiguous")
    return names


def _labels(calls: Sequence[SpelledCall], names: Sequence[str]) -> list[str]:
    """Return a name for each call that tells it from the others: ``wanted=400-stock=900``."""
    labels: list[str] = []
    for call in calls:
        sized = [f"{name}={size}" for name, size in zip(names, call.sizes, strict=False) if size]
        label = "-".join(sized)
        label = label if 0 < len(label) <= 60 else f"call-{len(labels) + 1}"
        labels.append(f"{label}-{len(labels) + 1}" if label in labels else label)
    return labels


def _imports(
    function: FunctionName, access: Access, calls: Sequence[SpelledCall], fresh: bool
) -> str:
    needed = {(module, name) for call in calls for name, module in call.imports.items()}
    plain = [
        name
        for name, is_needed in (
            ("asyncio", access.kind == "coroutine"),
            ("copy", fresh),
            ("random", any(call.draws for call in calls)),
        )
        if is_needed
    ]
    library = {each for each in needed if each[0] in STANDARD}
    own = (needed - library) | {(access.module, function.qualname.partition(".")[0])}
    if len({name for _, name in needed | own}) < len(needed | own):
        raise NotSpelled("two things that it needs have the same name")
    groups = [
        [*(f"import {name}" for name in plain), *_from(library)],
        ["import pytest"],
        list(_from(own)),
    ]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _from(names: set[tuple[str, str]]) -> list[str]:
    by_module: dict[str, list[str]] = {}
    for module, name in sorted(names):
        by_module.setdefault(module, []).append(name)
    return [f"from {module} import {', '.join(them)}" for module, them in by_module.items()]


def _body(
    function: FunctionName, access: Access, call: SpelledCall, names: Sequence[str], fresh: bool
) -> str:
    count = len(call.arguments)
    positional, keywords = names[:count], names[count:]
    named = [f"{key}={name}" for key, name in zip(call.keywords, keywords, strict=True)]
    callee = function.qualname
    if access.way in ("method", "property") and positional:
        callee = f"{positional[0]}.{function.qualname.rpartition('.')[2]}"
        positional = positional[1:]
    passed = ", ".join((*positional, *named))
    if not fresh and access.kind == "function" and access.way != "property":
        return f"benchmark({', '.join(filter(None, (callee, passed)))})"
    done = _done(access, callee if access.way == "property" else f"{callee}({passed})")
    if not fresh:
        return f"benchmark(lambda: {done})"
    everything = ", ".join(names)
    return (
        "# It changes what it is given, so each round gets copies of its own.\n"
        f"    benchmark.pedantic(lambda {everything}: {done}, "
        f"setup=lambda: (copy.deepcopy(({everything},)), {{}}), rounds={_ROUNDS})"
    )


def _done(access: Access, call: str) -> str:
    """Return the expression that does what the call merely prepares."""
    if access.kind == "async generator":
        raise NotSpelled(ASYNCHRONOUS)
    around = {"coroutine": "asyncio.run({})", "generator": "list({})"}
    return around.get(access.kind, "{}").format(call)


def _prove(
    versions: Versions, options: Sequence[str], found: GeneratedBenchmark, wall_s: float
) -> None:
    path = f"{FOLDER}/{found.file}"
    arguments = PytestArguments(tuple(options), (path,))
    try:
        with versions.lent(versions.new, {path: found.content}) as copy:
            times = timed(versions.target, copy, arguments, None, wall_s=wall_s)
    except BenchmarksFailed as error:
        raise NotSpelled(DOES_NOT_RUN.format(why=error)) from error
    if times.without or not times.median_s:
        why = next(iter(times.without.values()), "nothing of it was collected")
        raise NotSpelled(DOES_NOT_RUN.format(why=why))
