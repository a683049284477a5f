"""The one comment that perfbot keeps up to date for a request, in every state that a job can be in.

Pure functions: a job and its state in, Markdown out. The hidden first line names the job, so that
the comment is found again. Elapsed time is told coarsely, so that most moments give the same text
and ``differs`` spares GitHub the edit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from perfbot.bot import evidence, words
from perfbot.bot.commands import Mistyped, Wrong
from perfbot.bot.markdown import LONGEST_BODY, Section, code, fenced, fitted, folded, plain, prose
from perfbot.bot.marker import Kind, Text, found, hidden
from perfbot.bot.report import Report, Result, Verdict

HELP: Mapping[str, str] = {
    "/optimize": "make the functions faster that this pull request changes",
    "/optimize src/shop/cart.py::Cart.total --time 10m use a set": (
        "make this function faster; time and hint may be left out"
    ),
    "/perfbot verify": "judge this pull request's own change as a claim to be faster",
    "/perfbot explain": "say gate by gate why it was decided so",
    "/perfbot retry": "do the last job once more",
    "/perfbot rebase": "apply, prove and measure it again on the present base",
    "/perfbot ignore this function": "leave it alone from now on (or <code>this file</code>)",
    "/perfbot stop": "end what is running",
    "/perfbot status": "say what is running and what waits",
    "/perfbot help": "show this list",
}
HELP_HEAD = "A command stands at the start of a line, outside of quotes and code. perfbot takes:"
WAITING = "**Waiting**: {ahead} before this one."
NEXT = "**Waiting**: this one is next."
WORKING = "**Working** on {head}, {elapsed}."
STOPPED = "**Stopped**, as {by} asked, {elapsed} after it began. Nothing was changed."
DENIED = (
    "Thank you for the interest. perfbot runs code, so it works only for people who may write to this "
    "repository, and {login} may not at present. Somebody who may can give the same command."
)
MISTYPED = "{written} is no command of perfbot. Did you mean {meant}? {help} lists them all."
WRONG = "{written} was not understood: {problem}."
PASSED_OVER = "A comment is one request: {others} in the same comment came later and did not run."
NOTHING_RUNS = "Nothing is running here, and nothing waits."
FASTER = "**{count} proven faster**, after {elapsed}."
NOTHING = "**Nothing was proven faster**, after {elapsed}. Nothing was changed."
SLOWER = "**A regression**: {function} is {claim} (old time over new: {interval})."
HOLDS = "**The claim holds**: {function} is {claim}."
HOLDS_NOT = "**The claim is not proven** for {function}: {why}."
LEFT_OUT = (
    "The tests and the configuration of the base counted: {count} files of this pull request that are "
    "tests, settings or no Python source were left out."
)
TRY_AGAIN = "{retry} tries again."
CHECKED_HEAD = "This is about {head}; later commits were not looked at."
_LONGEST_DETAIL = 500
_LONGEST_NAME = 200
_LONGEST_PATCH = 20_000
_MOST_UNCHANGED = 30


class Stage(StrEnum):
    """What a job does, in this order."""

    CHECKOUT = "check out the code"
    BASELINE = "run the tests as they are, twice"
    HOTSPOTS = "find out where the time goes"
    CANDIDATES = "write faster versions and judge them"
    JUDGING = "judge the change"
    PUBLISH = "write down what was proven"


_SEARCHING = tuple(stage for stage in Stage if stage is not Stage.JUDGING)
_JUDGING = (Stage.CHECKOUT, Stage.JUDGING, Stage.PUBLISH)


class Failure(StrEnum):
    """Why a job ended without a result, as a sentence for the person who asked."""

    POISON = (
        "perfbot's worker died on this job several times, so it is not tried again. That is a fault "
        "of perfbot or too little memory, not of the request; whoever runs perfbot finds the reason "
        "in its log under the job's name below."
    )
    TIMED_OUT = "The time for this job ran out before anything could be proven."
    NO_SANDBOX = (
        "This machine has no sandbox that holds, and perfbot runs nobody's code without one. Whoever "
        "runs perfbot sees what is missing with perfbot doctor."
    )
    BASE_MOVED = (
        "The branch that this goes into has moved, and the change does not fit it any more. Nothing "
        "was published, because what was measured is not what would be merged."
    )
    HEAD_MOVED = (
        "New commits came after the command. Only the commit that a person has asked for is run, so "
        "this ended; give the command again for the new commit."
    )
    FORK_GONE = "The repository that this pull request comes from is gone, and its code with it."
    REPOSITORY = "The repository's tests could not be run, and without them nothing can be proven."
    CONFIGURATION = "What was asked, or the configuration, cannot be used:"
    NOTHING_TO_DO = (
        "This pull request changes no function that perfbot may work on. A function can be named: "
        "`/optimize src/shop/cart.py::Cart.total`."
    )
    NO_CLAIM = (
        "This pull request changes no Python source beside tests and settings, so there is nothing that "
        "could be faster."
    )
    NAME_ONE = (
        "Under an issue a function has to be named: `/optimize src/shop/cart.py::Cart.total`."
    )
    CLOSED = "This pull request is closed, so there is nothing to improve."
    DENIED = "GitHub does not let perfbot do what this needs; its installation lacks a permission."
    MISSING = "Something that this needs is not on GitHub any more, or perfbot may not see it."
    LIMIT = "GitHub takes nothing more from perfbot at present, or does not answer."
    INTERNAL = (
        "Something went wrong in perfbot itself. Nothing was changed; whoever runs perfbot finds the "
        "reason in its log under the job's name below."
    )


@dataclass(frozen=True, slots=True)
class Job:
    """What a comment is about: the job's name, the command as it was understood, and the head SHA."""

    key: str
    asked: str
    head: str
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """The job is in the queue with so many before it."""

    ahead: int


@dataclass(frozen=True, slots=True)
class Working:
    """The job is in ``stage``; ``detail`` is what it is at, such as a function's name.

    ``judging``: it judges a change and looks for none.
    """

    stage: Stage
    elapsed_s: float
    detail: str = ""
    judging: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person ended the job."""

    by: str
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The job ended without a result; ``detail`` is what is known of it, untrusted."""

    failure: Failure
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Suggested:
    """The change stands as so many suggestions in the pull request."""

    count: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The change is a pull request of its own."""

    number: int


@dataclass(frozen=True, slots=True)
class Attached:
    """The change can only be handed over as a patch; ``why`` ends a sentence that begins so."""

    patch: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """The change is not handed over; ``why`` ends a sentence that begins so."""

    why: str


Place: TypeAlias = Suggested | Opened | Attached | Withheld


@dataclass(frozen=True, slots=True)
class Optimized:
    """The job ended; ``places`` say by function where the accepted changes are."""

    report: Report
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Verified:
    """The pull request's own change was judged; ``left_out`` counts its files that do not judge it."""

    report: Report
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Renewed:
    """What became of a pull request that was to be applied again, as a sentence of perfbot's."""

    sentence: str


State: TypeAlias = Waiting | Working | Stopped | Failed | Optimized | Verified | Renewed


def sticky(job: Job, state: State, *, room: int = 0) -> str:
    """Return the whole comment; ``room`` is how many characters are left for what the caller adds."""
    return fitted(
        [
            Section("", hidden(Kind.COMMENT, {"job": job.key})),
            Section("the request", f"perfbot · {code(job.asked, _LONGEST_NAME)}"),
            *_told(job, state),
            Section("other commands", passed_over(job.passed_over), 1),
        ],
        LONGEST_BODY - room,
    )


def passed_over(commands: Sequence[str]) -> str:
    """Return that these commands of the same comment did not run; empty where there are none."""
    others = ", ".join(code(each, _LONGEST_NAME) for each in commands)
    return PASSED_OVER.format(others=others) if others else ""


def job_of(text: Text, own_id: int) -> str | None:
    """Return the job that a comment is about, None where the comment is not perfbot's own."""
    key = (found(text, Kind.COMMENT, own_id) or {}).get("job")
    return key if isinstance(key, str) else None


def differs(before: str, after: str) -> bool:
    """Say whether an edit would change anything; GitHub stores line ends and margins its own way."""

    def stored(text: str) -> list[str]:
        return [line.rstrip() for line in text.strip().splitlines()]

    return stored(before) != stored(after)


def elapsed(duration_s: float) -> str:
    """Return elapsed time as coarsely as a comment needs it: ``under a minute``, ``12 min``."""
    minutes = int(max(0.0, duration_s) // 60)
    if not minutes:
        return "under a minute"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _told(job: Job, state: State) -> Iterator[Section]:
    match state:
        case Waiting(ahead):
            yield Section("state", WAITING.format(ahead=ahead) if ahead else NEXT)
        case Working():
            yield from _working(job, state)
        case Stopped(by, elapsed_s):
            yield Section("state", STOPPED.format(by=code(by), elapsed=elapsed(elapsed_s)))
        case Failed(failure, detail):
            yield from _failed(job, failure, detail)
        case Optimized():
            yield from _optimized(state)
            yield Section("commit", CHECKED_HEAD.format(head=evidence.commit(job.head)))
        case Verified(report, left_out):
            yield from _verified(report)
            yield Section(
                "what was left out", LEFT_OUT.format(count=left_out) if left_out else "", 1
            )
            yield Section("commit", CHECKED_HEAD.format(head=evidence.commit(job.head)))
        case Renewed(sentence):
            yield Section("state", sentence)
        case _:
            assert_never(state)


def _working(job: Job, state: Working) -> Iterator[Section]:
    yield Section(
        "state", WORKING.format(head=evidence.commit(job.head), elapsed=elapsed(state.elapsed_s))
    )
    stages = _JUDGING if state.judging or state.stage is Stage.JUDGING else _SEARCHING
    at = stages.index(state.stage)
    rows = [f"- [{'x' if place < at else ' '}] {stage}" for place, stage in enumerate(stages)]
    if state.detail:
        rows[at] += f": {code(state.detail, _LONGEST_NAME)}"
    yield Section("progress", "\n".join(rows))


def _failed(job: Job, failure: Failure, detail: str) -> Iterator[Section]:
    yield Section("state", f"**Ended without a result.** {failure}")
    if detail:
        yield Section("detail", fenced(detail[:_LONGEST_DETAIL], "text"), 1)
    yield Section("job", f"Job {code(job.key)}. {TRY_AGAIN.format(retry=code('/perfbot retry'))}")


def _optimized(state: Optimized) -> Iterator[Section]:
    report, accepted = state.report, state.report.accepted
    text = FASTER if accepted else NOTHING
    count = f"{len(accepted)} function{'s' if len(accepted) > 1 else ''}"
    yield Section("state", text.format(count=count, elapsed=elapsed(report.cost.seconds)))
    for result in accepted:
        yield Section("results", _accepted(report, result, state.places.get(result.function)))
    if accepted:
        yield Section("the table", evidence.measured(report, accepted), 1)
        yield Section("tests and cost", evidence.assurances(report, accepted), 1)
    yield Section("the rest", looked_at_besides(report), 2)


def _accepted(report: Report, result: Result, place: Place | None) -> str:
    said = f"{evidence.opening(report, result)} {_where(place)}".rstrip()
    patch = ""
    if isinstance(place, Attached):
        text = place.patch.decode("utf-8", "replace")
        shown = len(text) <= _LONGEST_PATCH
        patch = folded("Patch", fenced(text, "diff") if shown else "Too large to be shown here.")
    return "\n\n".join(filter(None, [said, evidence.strategies(result), patch]))


def _where(place: Place | None) -> str:
    match place:
        case Suggested(1):
            return "It stands as a suggestion in the files of this pull request."
        case Suggested(count):
            return f"It stands as {count} suggestions that belong together in this pull request."
        case Opened(number):
            return f"It is in #{number}."
        case Attached(_, why):
            return f"It comes as a patch, because {plain(why)}."
        case Withheld(why):
            return f"It is not published, because {plain(why)}."
    return ""


def looked_at_besides(report: Report) -> str:
    """Return, folded, which functions nothing held for or was proposed for, and why."""
    tried = evidence.attempts(report, frozenset())
    rows = [
        f"- {code(each.function, _LONGEST_NAME)}: {words.REASON[each.reason]}"
        + (f" ({plain(each.detail, _LONGEST_DETAIL)})" if each.detail else "")
        for each in report.unchanged[:_MOST_UNCHANGED]
    ]
    content = "\n".join(filter(None, [tried, *rows]))
    return folded("What was looked at besides", content) if content else ""


def _verified(report: Report) -> Iterator[Section]:
    for result in report.results:
        yield Section("the verdict", verdict(result))
    judged = [each for each in report.results if each.speedup]
    if judged:
        yield Section("the table", evidence.measured(report, judged), 1)
        yield Section("tests and cost", evidence.cost(report), 1)
    yield Section("the gates", folded("Gate by gate", explanation(report)), 2)


def verdict(result: Result) -> str:
    """Return what became of a claim, a proven regression called by its name."""
    function = code(result.function, _LONGEST_NAME) if result.function else "the change"
    if result.speedup and evidence.slower(result):
        said = words.interval(result.speedup)
        return SLOWER.format(function=function, claim=evidence.claim(result), interval=said)
    if result.verdict is Verdict.ACCEPTED:
        return HOLDS.format(function=function, claim=evidence.claim(result))
    why = words.WHY[result.why]
    detail = f" ({prose(result.detail, _LONGEST_DETAIL)})" if result.detail else ""
    return HOLDS_NOT.format(function=function, why=why + detail)


def explanation(report: Report) -> str:
    """Return every gate of every result, which is the answer to ``explain``."""
    return "\n\n".join(map(_explained, report.results)) or NOTHING_RUNS


def _explained(result: Result) -> str:
    rows = [
        f"- {'passed' if gate.passed else '**refused**'}: {plain(gate.name, _LONGEST_NAME)}"
        + (f" ({plain(gate.detail, _LONGEST_DETAIL)})" if gate.detail else "")
        for gate in result.gates
    ]
    head = f"{code(result.function, _LONGEST_NAME)}: {plain(evidence.claim(result))}"
    return "\n".join([head, "", *rows])


def denied(login: str) -> str:
    """Return the answer to somebody who may not command; said once, it need not be said again."""
    marker = hidden(Kind.COMMENT, {"job": denial_key(login)})
    return f"{marker}\n\n{DENIED.format(login=code(login))}\n"


def denial_key(login: str) -> str:
    """Return the name under which ``job_of`` finds the denial that ``login`` had already."""
    return f"denied:{login.lower()}"


def misunderstood(answer: Mistyped | Wrong) -> str:
    """Return the answer to a command with an error in it."""
    written = code(answer.written, _LONGEST_NAME)
    if isinstance(answer, Wrong):
        return WRONG.format(written=written, problem=prose(answer.problem)) + "\n"
    meant = code(answer.meant)
    return MISTYPED.format(written=written, meant=meant, help=code("/perfbot help")) + "\n"


def help_text() -> str:
    """Return the list of commands."""
    rows = (f"- {code(usage)}: {meaning}" for usage, meaning in HELP.items())
    return "\n".join([HELP_HEAD, "", *rows]) + "\n"


def status(jobs: Mapping[Job, Waiting | Working]) -> str:
    """Return what runs and waits here."""
    rows = []
    for job, state in jobs.items():
        where = (
            f"{state.stage}, {elapsed(state.elapsed_s)}"
            if isinstance(state, Working)
            else f"waiting, {state.ahead} before it"
        )
        on = f" on {evidence.commit(job.head)}" if job.head else ""
        rows.append(f"- {code(job.asked, _LONGEST_NAME)}{on}: {where}")
    return ("\n".join(rows) or NOTHING_RUNS) + "\n"
