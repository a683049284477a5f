"""The dashboard issue: what perfbot knows of a repository's hotspots, with checkboxes as commands.

A person ticks a box; GitHub tells of the edit; ``read`` says which boxes are ticked; the next
``render`` shows them empty again. Each box carries its command in a hidden comment, so that people
may reorder, shorten or rewrite the lines around it. Only commands on functions that the dashboard
lists count, and whoever edits must be asked about for the right to write, as for any command.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from perfbot.bot import evidence, words
from perfbot.bot.markdown import Section, code, fitted, plain
from perfbot.bot.marker import Kind, Text, decoded, encoded, found, hidden

TITLE = "perfbot: where the time goes"
HEAD = (
    "Where this repository's workload spends its time, and what became of it. Tick a box and perfbot "
    "does what stands behind it; the box is empty again when that has begun."
)
SCAN = "look for hotspots now"
NOTHING = "Nothing is open, waiting, rejected or ignored."
MORE = "… and {count} more"
MOST_ROWS = 40  # of each list, so that four full ones fit into an issue
MOST_BOXES = 1000  # of an edited body that are looked at
_LONGEST_NAME = 200
_LONGEST_WHY = 300
_LONGEST_FUNCTION = 500
_BOX = re.compile(
    r"^[ \t>]{0,16}[-*+] \[(?P<tick>[ xX])\] ?<!-- perfbot:(?P<action>[a-z]{1,16})"
    r" (?P<function>null|\"[^\r\n<>]{0,4000}\") -->",
    re.MULTILINE,
)


class Action(StrEnum):
    """What a ticked box asks for."""

    SCAN = "scan"
    REBASE = "rebase"
    PROPOSE = "propose"
    RETRY = "retry"
    UNIGNORE = "unignore"


@dataclass(frozen=True, slots=True)
class Box:
    """A checkbox: its command, on which function (None for ``scan``), and whether it is ticked."""

    action: Action
    function: str | None
    ticked: bool


@dataclass(frozen=True, slots=True)
class Open:
    """A function whose change is an open pull request."""

    function: str
    share: float
    number: int
    claim: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proven change that waits until fewer pull requests are open."""

    function: str
    share: float
    claim: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A function for which nothing held; ``why`` is a sentence, untrusted."""

    function: str
    share: float
    why: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A function or file that somebody told perfbot to leave alone, and how."""

    function: str
    why: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """All that the issue lists; ``commit`` is the SHA that was looked at."""

    commit: str
    open: tuple[Open, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    ignored: tuple[Ignored, ...] = ()


def render(dashboard: Dashboard) -> str:
    """Return the body of the issue, every box empty."""
    lists = list(_lists(dashboard))
    return fitted(
        [
            Section("", hidden(Kind.DASHBOARD, {"commit": dashboard.commit})),
            Section("the introduction", HEAD),
            Section(
                "scan",
                _row(Action.SCAN, None, f"{SCAN} (last: {evidence.commit(dashboard.commit)})"),
            ),
            *(lists or [Section("nothing", NOTHING)]),
        ]
    )


def read(text: Text, own_id: int) -> tuple[Box, ...]:
    """Return the boxes of a body, edited or not, each command once; ticked if any copy of it is.

    There are none where the issue is not perfbot's own; what is no box of ours is passed over.
    """
    if found(text, Kind.DASHBOARD, own_id) is None:
        return ()
    boxes: dict[tuple[Action, str | None], bool] = {}
    for count, match in enumerate(_BOX.finditer(text.body)):
        key = _command(match["action"], match["function"])
        if key is not None and count < MOST_BOXES:
            boxes[key] = boxes.get(key, False) or match["tick"] in "xX"
    return tuple(Box(action, function, tick) for (action, function), tick in boxes.items())


def ticked(text: Text, own_id: int, shown: Dashboard) -> tuple[Box, ...]:
    """Return the ticked boxes that ``shown``, the dashboard before the edit, really had."""
    known = read(Text(render(shown), own_id), own_id)
    commands = {(box.action, box.function) for box in known}
    return tuple(
        box for box in read(text, own_id) if box.ticked and (box.action, box.function) in commands
    )


def _command(action: str, function: str) -> tuple[Action, str | None] | None:
    name = decoded(function)
    if action not in set(Action) or not (name is None or isinstance(name, str)):
        return None
    return (Action(action), name) if (name is None) == (action == Action.SCAN) else None


def _lists(dashboard: Dashboard) -> Iterator[Section]:
    yield from _list(
        "Open",
        "tick to apply, prove and measure it again on the present base",
        [
            _row(
                Action.REBASE,
                each.function,
                f"#{each.number}, {_share(each.share)}, {_why(each.claim)}",
            )
            for each in dashboard.open
        ],
    )
    yield from _list(
        "Waiting",
        "proven, but as many pull requests are open as are wanted; tick to open it now",
        [
            _row(Action.PROPOSE, each.function, f"{_share(each.share)}, {_why(each.claim)}")
            for each in dashboard.waiting
        ],
    )
    yield from _list(
        "Rejected",
        "nothing held; tick to try again",
        [
            _row(Action.RETRY, each.function, f"{_share(each.share)}: {_why(each.why)}")
            for each in dashboard.rejected
        ],
    )
    yield from _list(
        "Ignored",
        "tick to look at it again",
        [_row(Action.UNIGNORE, each.function, _why(each.why)) for each in dashboard.ignored],
    )


def _list(name: str, meaning: str, rows: Sequence[str]) -> Iterator[Section]:
    if not rows:
        return
    more = [MORE.format(count=len(rows) - MOST_ROWS)] if len(rows) > MOST_ROWS else []
    content = "\n".join([*rows[:MOST_ROWS], *(f"\n{line}" for line in more)])
    yield Section(name, f"### {name}\n\n{meaning[0].upper()}{meaning[1:]}.\n\n{content}", 1)


def _row(action: Action, function: str | None, said: str) -> str:
    name = f"{code(function, _LONGEST_NAME)} " if function else ""
    key = encoded(function[:_LONGEST_FUNCTION] if function else None)
    return f"- [ ] <!-- perfbot:{action} {key} -->{name}{said}"


def _share(share: float) -> str:
    return f"{words.percent(share)} of the time"


def _why(text: str) -> str:
    return plain(text, _LONGEST_WHY)
