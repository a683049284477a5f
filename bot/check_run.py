"""The check run beside a commit: one line, a summary, and notes on the lines of the hotspots.

https://docs.github.com/en/rest/checks/runs: a summary has at most 65,535 characters, a request at
most 50 annotations; further ones are added by updates. Annotations are plain text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfbot.bot import comment, evidence, words
from perfbot.bot.markdown import Section, fitted, folded, unformatted
from perfbot.bot.report import HotspotRow, Report, Result

NAME = "perfbot"
ANNOTATIONS_PER_REQUEST = 50
LONGEST_SUMMARY = 65_535
HOTSPOT = "{share} of the workload's time{calls}: {outcome}"
CALLS = ", {calls:,} calls"
_LONGEST_TITLE = 120
_LONGEST_MESSAGE = 600
_MOST_ANNOTATIONS = 200


class Conclusion(StrEnum):
    """How GitHub shows the check; ``neutral`` never blocks a merge."""

    SUCCESS = "success"
    NEUTRAL = "neutral"
    FAILURE = "failure"


class Level(StrEnum):
    """How loud an annotation is."""

    NOTICE = "notice"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Lines:
    """Where a function stands at the head: first and last line, from 1."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """A note on the lines of a file."""

    path: str
    lines: Lines
    level: Level
    title: str
    message: str


@dataclass(frozen=True, slots=True)
class CheckRun:
    """What a check run says; ``annotations`` are batches, one for each request."""

    conclusion: Conclusion
    title: str
    summary: str
    annotations: tuple[tuple[Annotation, ...], ...]


def check_run(report: Report, lines: Mapping[str, Lines], *, judged: bool = False) -> CheckRun:
    """Return the check of a run; ``lines`` are by function, one that is not there gets no note.

    ``judged`` says that the commit's own change was judged (``verify``): only then can the check
    fail, and only where a function is proven to be slower. Noise never turns it red.
    """
    notes = _annotations(report, lines)
    size = ANNOTATIONS_PER_REQUEST
    batches = (notes[start : start + size] for start in range(0, len(notes), size))
    return CheckRun(
        conclusion=_conclusion(report, judged),
        title=_title(report, judged),
        summary=_summary(report, judged),
        annotations=tuple(map(tuple, batches)),
    )


def _conclusion(report: Report, judged: bool) -> Conclusion:
    if judged and any(map(evidence.slower, report.results)):
        return Conclusion.FAILURE
    return Conclusion.SUCCESS if report.accepted else Conclusion.NEUTRAL


def _title(report: Report, judged: bool) -> str:
    slower = [each for each in report.results if evidence.slower(each)]
    if judged and slower:
        return f"{len(slower)} function{'s' if len(slower) > 1 else ''} proven slower"
    return words.headline(report)


def _summary(report: Report, judged: bool) -> str:
    shown = report.results if judged else report.accepted
    measured = [each for each in shown if each.speedup]
    sections = [
        *(Section("verdicts", comment.verdict(each)) for each in shown),
        Section("the table", evidence.measured(report, measured) if measured else ""),
        Section("tests and cost", f"{_tests(report)}\n\n{evidence.cost(report)}"),
        Section("the gates", folded("Gate by gate", comment.explanation(report)), 1),
        Section("the environment", folded("Environment", evidence.environment(report)), 1),
    ]
    return fitted(sections, LONGEST_SUMMARY)


def _tests(report: Report) -> str:
    return f"Tests before any change: {words.tests(report)}."


def _annotations(report: Report, lines: Mapping[str, Lines]) -> Sequence[Annotation]:
    results = {each.function: each for each in report.results}
    return [
        _annotation(report, row, lines[row.function], results.get(row.function))
        for row in report.hotspots[:_MOST_ANNOTATIONS]
        if row.function in lines
    ]


def _annotation(report: Report, row: HotspotRow, lines: Lines, result: Result | None) -> Annotation:
    path, _, name = row.function.rpartition("::")
    calls = CALLS.format(calls=row.calls) if row.calls is not None else ""
    outcome = evidence.claim(result) if result else words.outcome(report, row)
    said = HOTSPOT.format(share=words.percent(row.share), calls=calls, outcome=outcome)
    detail = f" ({result.detail})" if result and result.detail else ""
    return Annotation(
        path=path,
        lines=lines,
        level=Level.WARNING if result and evidence.slower(result) else Level.NOTICE,
        title=unformatted(name, _LONGEST_TITLE),
        message=unformatted((said + detail).removesuffix(": "), _LONGEST_MESSAGE),
    )
