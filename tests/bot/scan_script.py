"""``Runs`` that come to what a script says, on real files and with real patches, in no time.

A script is a JSON file that a test may change at any time: ``functions`` says of each what text of its
file a faster version replaces, its share of the time and what is proven; ``gone`` are functions whose
gain cannot be seen any more, ``unclear`` those whose runs end in noise, ``fails`` is how every run ends.
What was run is written into a ledger beside it.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfbot.bot import report as r
from perfbot.bot.jobs import Stopped
from perfbot.bot.runs import Checkout, Ended, Found, RunFailed, Survey, Tick, Wish

from shop_report import accepted_result, example

Changes = dict[str, tuple[bytes | None, bytes]]


@dataclass(frozen=True)
class Faster:
    """How a function becomes faster: ``before`` is text of its file, ``low`` what is proven."""

    before: str
    after: str
    share: float = 0.5
    low: float = 2.3


class Script:
    """The script, as the test writes it and the runs read it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.ledger = file.with_suffix(".ledger")

    def write(
        self,
        functions: Mapping[str, Faster],
        gone: Sequence[str] = (),
        unclear: Sequence[str] = (),
        fails: str = "",
    ) -> None:
        told = {name: vars(one) for name, one in functions.items()}
        content = {"functions": told, "gone": [*gone], "unclear": [*unclear], "fails": fails}
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(content))
        new.replace(self.file)

    def change(self, **changed: object) -> None:
        content = json.loads(self.file.read_text()) | changed
        self.file.write_text(json.dumps(content))

    def runs(self) -> list[str]:
        """Return what was run, such as ``optimize src/a.py::f``, in order."""
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []


class ScriptedRuns:
    """See ``Runs``."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def survey(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Survey:
        functions = self._begin("survey", wish)
        hot = sorted(functions, key=lambda each: -functions[each].share)
        rows = tuple(r.HotspotRow(each, functions[each].share, 0.1, 9, 0.0, 2.0) for each in hot)
        if wish.functions:
            return Survey(example().report, rows, wish.functions)
        most = checkout.config.hotspots.at_most
        later = tuple(
            r.Unchanged(each, r.Reason.BUDGET, "others came first") for each in hot[most:]
        )
        return Survey(example().report, rows, tuple(hot[:most]), later)

    def optimize(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Found:
        functions = self._begin("optimize", wish)
        changes: Changes = {}
        results, unchanged = [], []
        for name in wish.functions:
            path = name.partition("::")[0]
            old = changes.get(path, (None, (checkout.folder / path).read_bytes()))[1]
            told = functions.get(name)
            if told is None or told.before.encode() not in old or self._says("gone", name):
                unchanged.append(r.Unchanged(name, r.Reason.NO_STRATEGY, ""))
                continue
            new = old.replace(told.before.encode(), told.after.encode())
            changes[path] = (changes[path][0] if path in changes else old, new)
            results.append(self._result(name, told))
        return self._found(results, unchanged, changes)

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        functions = self._begin("verify", wish)
        changes = applied(checkout.folder, patch)
        if changes is None:
            lost = [_rejected(name, r.Why.DOES_NOT_APPLY) for name in wish.functions]
            return self._found(lost, [], {})
        results = [self._judged(name, functions.get(name)) for name in wish.functions]
        kept = changes if all(one.verdict is r.Verdict.ACCEPTED for one in results) else {}
        return self._found(results, [], kept)

    def _judged(self, name: str, told: Faster | None) -> r.Result:
        if self._says("unclear", name):
            return _rejected(name, r.Why.TOO_NOISY, r.Verdict.INCONCLUSIVE)
        if told is None or self._says("gone", name):
            speedup = r.Speedup(1.01, 0.98, 1.04, 0.99, 24, None, None)
            return replace(_rejected(name, r.Why.NOT_FASTER), speedup=speedup)
        return self._result(name, told)

    def _result(self, name: str, told: Faster) -> r.Result:
        speedup = r.Speedup(told.low * 1.1, told.low, told.low * 1.2, 0.99, 24, 1.5, 1.4)
        return replace(accepted_result(), function=name, speedup=speedup, patch="a.patch")

    def _found(
        self, results: list[r.Result], unchanged: list[r.Unchanged], changes: Changes
    ) -> Found:
        whole = example()
        report = replace(
            whole.report, results=tuple(results), unchanged=tuple(unchanged), hotspots=()
        )
        return Found(report, {}, {}, changes)

    def _begin(self, verb: str, wish: Wish) -> dict[str, Faster]:
        with self._script.ledger.open("a") as stream:
            stream.write(" ".join([verb, *wish.functions]) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        content = json.loads(self._script.file.read_text())
        if content["fails"]:
            raise RunFailed(Ended(content["fails"]), "the tests <b>say</b> no")
        return {name: Faster(**told) for name, told in content["functions"].items()}

    def _says(self, what: str, name: str) -> bool:
        return name in json.loads(self._script.file.read_text())[what]


def _rejected(name: str, why: r.Why, verdict: r.Verdict = r.Verdict.REJECTED) -> r.Result:
    return r.Result(function=name, verdict=verdict, why=why, detail="")


def applied(folder: Path, patch: bytes) -> Changes | None:
    """Return what real Git makes of a patch, by path; None where it does not apply."""
    with tempfile.TemporaryDirectory() as copy:
        paths = [line[6:].decode().rstrip("\t") for line in _headers(patch)]
        for path in paths:
            if (folder / path).exists():
                (Path(copy) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(copy) / path).write_bytes((folder / path).read_bytes())
        done = subprocess.run(["git", "apply", "-"], cwd=copy, input=patch, capture_output=True)
        if done.returncode != 0:
            return None
        return {
            path: ((folder / path).read_bytes(), (Path(copy) / path).read_bytes()) for path in paths
        }


def _headers(patch: bytes) -> Iterator[bytes]:
    return (line for line in patch.splitlines() if line.startswith(b"+++ b/"))
