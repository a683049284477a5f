"""Asks of real libraries' hottest functions: which of their recorded calls can be compared?

    python benchmarks/comparable_calls.py [--only NAME]... [--functions 30] [--render]

A function whose calls cannot be compared can never be improved, so each reason that stands here
often is worth mending. The calls are recorded while the library's own tests run, the unchanged code
is replayed as for any candidate, and then judged against itself: it must not differ. What came out
is kept as build/comparable/NAME.json; benchmarks/comparable_calls.md is written from these files.
"""

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from real_libraries import HERE, LIBRARIES, Library, _archive, _unpacked

from perfbot.bot.config import Config, Operator
from perfbot.bot.connect import request
from perfbot.optimizer.preparation import Prepared, text_of
from perfbot.optimizer.preparation import prepared as preparing
from perfbot.optimizer.progress import Phase
from perfbot.optimizer.survey import find_hotspots
from perfbot.optimizer.verify import not_comparable
from perfbot.profiling import replay
from perfbot.profiling.capture import Recording, capture
from perfbot.profiling.functions import FunctionName, function_index

KEPT = HERE.parent / "build" / "comparable"
TABLE = HERE / "comparable_calls.md"
INTRODUCTION = """\
# Which recorded calls can be compared

For the hottest functions of libraries as their authors published them, under their own tests: the
share of the recorded calls that the unchanged code repeats exactly in a fresh process, and why the
others are set aside. *Usable* functions have at least half of their calls comparable; *false
alarms* are functions whose unchanged code would be said to differ from itself. Reproduce:
`python benchmarks/comparable_calls.py`.
"""
CANNOT_BE_PICKLED = "cannot be pickled: {why}"
_SHOWN = 110


class _Silent:
    """Listens to a session and keeps what it says to itself."""

    def phase(self, phase: Phase, detail: str = "") -> None:
        print(f"  {phase} {detail}", flush=True)

    def step(self, done: int, total: int) -> None:
        pass

    def note(self, text: str) -> None:
        print(f"  {text[:200]}", flush=True)

    def candidate(self, *_what: object) -> None:
        pass


def main() -> None:
    """Survey the libraries asked for, and write the table."""
    options = _options()
    KEPT.mkdir(parents=True, exist_ok=True)
    for library in LIBRARIES if not options.render else ():
        if not options.only or library.name in options.only:
            print(library.name, flush=True)
            found: list[dict[str, Any]] = []
            for each in _survey(
                library, options.functions
            ):  # what is known is kept if it breaks off
                found.append(each)
                (KEPT / f"{library.name}.json").write_text(json.dumps(found, indent=1))
    TABLE.write_text("\n".join([INTRODUCTION, *_rendered()]) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = [library.name for library in LIBRARIES]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME")
    parser.add_argument("--functions", type=int, default=30)
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()


def _survey(library: Library, at_most: int) -> Iterator[dict[str, Any]]:
    """Yield what is known of each of the library's hottest functions that was called."""
    listener = _Silent()
    with tempfile.TemporaryDirectory(prefix="comparable-") as folder:
        repository = _unpacked(library, _archive(library), Path(folder))
        wanted = request(repository, Config(), Operator.from_environment())
        with preparing(wanted, listener) as ready:
            hot = [each.function for each in find_hotspots(wanted, ready, listener)]
            chosen = list(dict.fromkeys((*hot, *_busiest(ready))))[:at_most]
            for each in _recorded(ready, chosen).values():
                yield _asked(ready, each)


def _busiest(ready: Prepared) -> list[FunctionName]:
    """Return the library's functions, those that its tests call most often first."""
    case = ready.case
    every = [
        FunctionName(path, name)
        for path in ready.sources
        for name in function_index(text_of(case.tree, path) or "")
        if "<locals>" not in name
    ]
    with case.lent({}) as copy:
        found = capture(case.target, copy, case.workload, every, wall_s=900)
    called = [each for each in found.values() if each.count]
    return [each.function for each in sorted(called, key=lambda each: -each.count)]


def _recorded(ready: Prepared, chosen: Sequence[FunctionName]) -> dict[FunctionName, Recording]:
    case = ready.case
    with case.lent({}) as copy:
        case.recordings.update(capture(case.target, copy, case.workload, chosen, wall_s=900))
    return case.recordings


def _asked(ready: Prepared, recording: Recording) -> dict[str, Any]:
    case, function = ready.case, recording.function
    reference = case.reference(function)
    dropped = Counter(reference.dropped)
    if recording.unpicklable:
        dropped[CANNOT_BE_PICKLED.format(why=recording.why_unpicklable)] += recording.unpicklable
    alarms = replay.differences(reference, case.target, case.copy({})) if reference.real else []
    print(f"    {function} {reference.comparable_share:.0%} {dict(dropped)}", flush=True)
    return {
        "function": str(function),
        "count": recording.count,
        "distinct": len(recording.calls),
        "share": reference.comparable_share,
        "usable": recording.count > 0 and not_comparable(function, reference) is None,
        "dropped": dropped,
        "alarms": [f"({each.arguments}): {each.before} / {each.after}" for each in alarms[:3]],
    }


def _rendered() -> Iterator[str]:
    files = [(each.name, KEPT / f"{each.name}.json") for each in LIBRARIES]
    found = {name: json.loads(path.read_text()) for name, path in files if path.is_file()}
    yield f"{os.cpu_count()} cores; {len(found)} libraries.\n"
    yield "| library | functions called | usable | median share | false alarms |"
    yield "|---|--:|--:|--:|--:|"
    for name, functions in found.items():
        yield _row(name, functions)
    every = [each for functions in found.values() for each in functions]
    yield _row("**all**", every)
    yield "\n| functions hit | why calls cannot be compared |"
    yield "|--:|---|"
    why = Counter(reason[:_SHOWN] for each in every for reason in each["dropped"])
    for reason, count in why.most_common(25):
        yield f"| {count} | {reason.replace('|', '/')} |".replace("\n", " ")


def _row(name: str, functions: Sequence[dict[str, Any]]) -> str:
    called = [each for each in functions if each["count"]]
    usable = sum(each["usable"] for each in called)
    shares = sorted(each["share"] for each in called) or [0.0]
    alarms = sum(bool(each["alarms"]) for each in called)
    middle = shares[len(shares) // 2]
    return f"| {name} | {len(called)} | {usable} | {middle:.0%} | {alarms} |"


if __name__ == "__main__":
    main()
