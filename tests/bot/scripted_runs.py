"""``Runs`` that find at once what the test wrote down for each function."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbot.bot.child_runs import changes, original
from perfbot.bot.jobs import JobStopped, Stopped
from perfbot.bot.patch import unified_patch
from perfbot.bot.report import HotspotRow, Reason, Report, Result, Unchanged
from perfbot.bot.report_folder import patch_name
from perfbot.bot.runs import Checkout, Found, RunFailed, Survey, Tick, Wish

from shop_report import accepted_result, example

REPORT, READING = "src/orders/report.py", "src/orders/reading.py"
UNKNOWN, PARSE = f"{REPORT}::unknown_articles", f"{READING}::parse_line"
FASTER = {
    UNKNOWN: (
        "    unknown = []\n    for sku in skus:",
        "    unknown = []\n    known = set(known)\n    for sku in skus:",
    ),
    PARSE: (  # a line that the pull request's diff does not show
        "import re\n",
        "import re\n\n_ORDER = re.compile(r'\\d+')\n",
    ),
}


@dataclass
class ScriptedRuns:
    """See ``Runs``; ``begun`` hears of each run, ``fails`` is what it ends with.

    While the file ``hold`` is there, a search goes on until it is told to stop.
    """

    rewrites: Mapping[str, tuple[str, str]] = field(default_factory=lambda: FASTER)
    begun: Callable[[str, Wish], None] = lambda _name, _wish: None
    fails: RunFailed | None = None
    hold: Path | None = None
    wishes: list[Wish] = field(default_factory=list)

    def survey(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Survey:
        self._begin("survey", wish, tick)
        worth = tuple(one for one in wish.functions if one in self.rewrites)
        rest = tuple(
            Unchanged(one, Reason.NO_STRATEGY, "") for one in wish.functions if one not in worth
        )
        report = self._report(checkout, worth, ())
        return Survey(replace(report, unchanged=rest), report.hotspots, worth, rest)

    def optimize(self, checkout: Checkout, wish: Wish, stopped: Stopped, tick: Tick) -> Found:
        self._begin("optimize", wish, tick)
        while self.hold and self.hold.exists():
            if stopped():
                raise JobStopped
            time.sleep(0.02)
        patches: dict[str, bytes] = {}
        results = []
        for place, function in enumerate(wish.functions, start=1):
            path = function.partition("::")[0]
            before = changes(checkout, list(patches.values())).get(path, (None, b""))[1]
            before = before or original(checkout, path) or b""
            old, new = self.rewrites[function]
            name = patch_name(place, function)
            after = before.replace(old.encode(), new.encode())
            patches[name] = unified_patch({path: (before, after)})
            results.append(
                replace(accepted_result(), function=function, patch=name, benchmark_file=None)
            )
        report = self._report(checkout, wish.functions, tuple(results))
        return Found(report, patches, {}, changes(checkout, list(patches.values())))

    def verify(
        self, checkout: Checkout, patch: bytes, wish: Wish, stopped: Stopped, tick: Tick
    ) -> Found:
        raise AssertionError

    def _begin(self, name: str, wish: Wish, tick: Tick) -> None:
        tick("profiling")
        self.wishes.append(wish)
        self.begun(name, wish)
        if self.fails:
            raise self.fails

    def _report(
        self, checkout: Checkout, functions: tuple[str, ...], results: tuple[Result, ...]
    ) -> Report:
        rows = tuple(HotspotRow(one, 0.3, 0.3, 12, 0.0, 1.4) for one in functions)
        shown = example().report
        return replace(shown, hotspots=rows, results=results, unchanged=())
