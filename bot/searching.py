"""Functions made faster for a person: what is worth a search, then file by file, each a durable step.

Patches of one file stand on each other, so a file's functions are one run; those of different files
are apart, and one that fails takes no other with it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from perfbot.bot.attempts import Ending, attempt
from perfbot.bot.comment import Stage
from perfbot.bot.deliveries import Json
from perfbot.bot.jobs import JobEngine, Stopped
from perfbot.bot.report import Cost, Reason, Report, Unchanged, to_json
from perfbot.bot.runs import Checkout, Runs, Wish
from perfbot.bot.sticky import Sticky
from perfbot.bot.stored_runs import report_in, report_of, to_stored
from perfbot.optimizer.progress import Phase

OTHERS_FIRST = "{count} hotter functions came first; hotspots: at_most in .perfbot.yml allows more"
NO_RESULT = "its run came to no result: {why}"
_HOTSPOTS = dict.fromkeys(
    map(str, (Phase.PROFILING, Phase.RECORDING, Phase.SEARCHING)), Stage.HOTSPOTS
)


@dataclass(frozen=True, slots=True)
class Searched:
    """What all runs of a job found: each as it is stored (``stored_runs``), and all as one report."""

    founds: tuple[Json, ...]
    report: Report

    def with_rows(self, unchanged: Iterable[Unchanged]) -> "Searched":
        """Return the same with more functions for which nothing was proposed."""
        rows = (*self.report.unchanged, *unchanged)
        return replace(self, report=replace(self.report, unchanged=rows))


@dataclass(frozen=True, slots=True)
class Search:
    """One search in a running job; ``checkout`` lays the code out where it is not."""

    engine: JobEngine
    runs: Runs
    checkout: Callable[[], Checkout]
    wish: Wish
    sticky: Sticky

    def among(self, functions: Sequence[str]) -> Searched:
        """Search those of the functions that are worth it, the hottest first; raises Ending."""
        found = attempt(self.engine, "survey", lambda stopped: self._survey(functions, stopped))
        assert isinstance(found, dict)
        surveyed, worth = report_of(found["report"]), names(found["worth"])
        others = left(names(found["others"]), Reason.BUDGET, OTHERS_FIRST.format(count=len(worth)))
        surveyed = replace(surveyed, unchanged=(*surveyed.unchanged, *others))
        if not worth:
            return Searched((), surveyed)
        return self._searched(worth, surveyed)

    def named(self, functions: Sequence[str]) -> Searched:
        """Search these functions, whatever there is to be won; raises Ending."""
        return self._searched(functions, None)

    def _survey(self, functions: Sequence[str], stopped: Stopped) -> Json:
        checkout = self.checkout()
        wish = replace(self.wish, functions=tuple(functions))
        with self.sticky.telling(Stage.BASELINE, stopped, _HOTSPOTS) as tick:
            found = self.runs.survey(checkout, wish, stopped, tick)
        most = checkout.config.hotspots.at_most
        return {
            "report": json.loads(to_json(found.report)),
            "worth": list(found.worth[:most]),
            "others": list(found.worth[most:]),
        }

    def _searched(self, functions: Sequence[str], surveyed: Report | None) -> Searched:
        groups = by_file(functions)
        time_s = None if self.wish.time_s is None else self.wish.time_s / len(groups)
        founds: list[Json] = []
        lost: dict[tuple[str, ...], Ending] = {}
        for number, group in enumerate(groups, start=1):
            wish = replace(self.wish, functions=group, time_s=time_s)
            try:
                founds.append(self._optimized(number, wish))
            except Ending as ending:
                lost[group] = ending
        if not founds:
            raise next(iter(lost.values()))
        unchanged = (
            one
            for group, ending in lost.items()
            for one in left(group, Reason.BUDGET, NO_RESULT.format(why=ending))
        )
        reports = [*([surveyed] if surveyed else []), *map(report_in, founds)]
        return Searched(tuple(founds), together(reports, list(unchanged)))

    def _optimized(self, number: int, wish: Wish) -> Json:
        def act(stopped: Stopped) -> Json:
            checkout = self.checkout()
            with self.sticky.telling(Stage.CANDIDATES, stopped) as tick:
                return to_stored(self.runs.optimize(checkout, wish, stopped, tick))

        return attempt(self.engine, f"optimize {number}", act)


def by_file(functions: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the functions of each file together, in the order in which they are given."""
    found: dict[str, list[str]] = {}
    for function in functions:
        found.setdefault(function.rpartition("::")[0], []).append(function)
    return [tuple(group) for group in found.values()]


def together(reports: Sequence[Report], unchanged: Sequence[Unchanged] = ()) -> Report:
    """Return one report of several runs on the same commit; the first says where it ran.

    A function that a later run did something about is not among the unchanged.
    """
    results = tuple(result for report in reports for result in report.results)
    decided = {each.function for each in results}
    rows = {row.function: row for report in reports for row in report.unchanged}
    rows |= {row.function: row for row in unchanged}
    hotspots = next((each.hotspots for each in reports if each.hotspots), ())
    return replace(
        reports[0],
        noise=next((each.noise for each in reports if each.noise), None),
        hotspots=hotspots,
        results=results,
        unchanged=tuple(row for name, row in rows.items() if name not in decided),
        cost=_sum([each.cost for each in reports]),
    )


def _sum(costs: Sequence[Cost]) -> Cost:
    return Cost(
        sum(each.seconds for each in costs),
        sum(each.tokens_in for each in costs),
        sum(each.tokens_out for each in costs),
        sum(each.usd for each in costs),
    )


def left(functions: Iterable[str], reason: Reason, detail: str) -> tuple[Unchanged, ...]:
    """Return that nothing is proposed for these functions, and why."""
    return tuple(Unchanged(function, reason, detail) for function in functions)


def names(stored: Json) -> tuple[str, ...]:
    """Return a stored list of names."""
    return tuple(map(str, stored)) if isinstance(stored, list) else ()
