"""What a pull request says: title, body, labels, branch and commit message of proven changes.

Pure functions over the report. The body fits on a screen; what few people need is folded. Its first
line is hidden and lets perfbot find its own pull request again (``marker``).
"""

import hashlib
import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from perfbot.bot import evidence, words
from perfbot.bot.config import PullRequests
from perfbot.bot.markdown import Section, fenced, fitted, folded, unformatted
from perfbot.bot.marker import Kind, Text, Value, found, hidden
from perfbot.bot.report import Report, Result, Samples

SPEED_UP = "Speed up {what} by {claim}"
LESS_MEMORY = "Cut the peak memory of {what} to {share}"
SEVERAL = "{count} functions of {where}"
REPRODUCE = "To measure it again, on the commit that this was measured on:"
FOOTER = (
    "Comment <code>/perfbot rebase</code>, <code>retry</code>, <code>explain</code> or "
    "<code>ignore</code>; closing this pull request means that the function is left alone."
)
PROVEN = "Measured by perfbot {version} in interleaved pairs of fresh processes on {base}."
BRANCHES = "perfbot/"
_LONGEST_NAME = 80
_LONGEST_SLUG = 48  # with prefix and digest far below the 255 bytes of a file name
_LONGEST_LABEL = 50
_MOST_LABELS = 100
_MOST_FUNCTIONS = 8
LONGEST_FUNCTION = 500
_WRAPPED = 72


@dataclass(frozen=True, slots=True)
class Proposal:
    """Accepted results that are proposed together: one, or up to eight of a file.

    ``patch`` is of all of them, ``samples`` are by function, ``base`` is the SHA that was measured.
    Raises ValueError for more results than that and for names of more than 500 characters.
    """

    report: Report
    results: tuple[Result, ...]
    patch: bytes
    samples: Mapping[str, Samples]
    base: str

    def __post_init__(self) -> None:
        if not 0 < len(self.results) <= _MOST_FUNCTIONS:
            raise ValueError(f"a proposal has one to {_MOST_FUNCTIONS} accepted results")
        for each in self.results:
            if len(each.function) > LONGEST_FUNCTION:
                raise ValueError(f"this name is too long to propose: {each.function[:80]}…")


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    """All that is needed to open a pull request, or to bring one up to date."""

    title: str
    body: str
    labels: tuple[str, ...]
    branch: str
    commit_message: str
    draft: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What a pull request promises of one function; ``low`` is a speedup, old/new."""

    function: str
    strategies: tuple[str, ...]
    low: float


@dataclass(frozen=True, slots=True)
class State:
    """What perfbot remembers in the pull request itself.

    ``head`` is the commit that perfbot put on the branch, None where it did not say so.
    ``withdrawn`` means that closing it was no word on the functions: they may be proposed again.
    """

    base: str
    claims: tuple[Claim, ...]
    head: str | None = None
    withdrawn: bool = False

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that it is about."""
        return tuple(each.function for each in self.claims)


def pull_request(
    proposal: Proposal,
    settings: PullRequests,
    onto: str | None = None,
    head: str | None = None,
) -> PullRequestDraft:
    """Return the pull request; ``onto`` is the branch it is made against if not the default one.

    ``head`` is its own branch where that is not called ``branch`` of its functions.
    """
    head = head or branch(tuple(each.function for each in proposal.results), onto)
    headline = title(proposal.results, settings.commit_prefix)
    return PullRequestDraft(
        title=headline,
        body=body(proposal, onto, head),
        labels=tuple(label[:_LONGEST_LABEL] for label in settings.labels[:_MOST_LABELS]),
        branch=head,
        commit_message=_commit_message(proposal, headline, settings.co_author),
        draft=settings.draft,
    )


def title(results: Sequence[Result], prefix: str | None = None) -> str:
    """Return the title with what is proven: the smallest of the lower ends, never an estimate."""
    worst = min(results, key=_low)
    if worst.speedup and worst.speedup.low > 1:
        claim = words.at_least(worst.speedup).removesuffix(" faster")
        text = SPEED_UP.format(what=_what(results), claim=claim)
    else:
        share = words.percent(max(each.memory_ratio or 1 for each in results))
        text = LESS_MEMORY.format(what=_what(results), share=share)
    if prefix:
        text = f"{prefix} {text[0].lower()}{text[1:]}"
    if len(results) > 1 or not worst.strategies:
        return text
    more = ", and more" if len(worst.strategies) > 1 else ""
    return f"{text} ({unformatted(worst.strategies[0].name, _LONGEST_NAME)}{more})"


def _low(result: Result) -> float:
    return result.speedup.low if result.speedup else 0.0


def _what(results: Sequence[Result]) -> str:
    if len(results) == 1:
        name = results[0].function.rpartition("::")[2].replace("<locals>.", "")
        return unformatted(name, _LONGEST_NAME)
    files = {each.function.rpartition("::")[0] for each in results}
    where = PurePosixPath(min(files)).name if len(files) == 1 else f"{len(files)} files"
    return SEVERAL.format(count=len(results), where=unformatted(where, _LONGEST_NAME))


def branch(functions: Sequence[str], onto: str | None = None, attempt: int = 1) -> str:
    """Return the branch's name, the same for the same functions and attempt at every time.

    A later ``attempt`` has a name of its own: a merged or closed pull request keeps its branch's.

    Letters and digits of the function for people, a digest of all for the rest: names of files that
    differ in case only, or of any length and script, stay apart (``git check-ref-format``).
    """
    names = sorted(functions)
    digest = hashlib.sha256("\0".join([onto or "", *names]).encode("utf-8", "backslashreplace"))
    words_of_it = re.findall(r"[a-z0-9]+", names[0].rpartition("::")[2].lower())
    slug = "-".join(words_of_it)[:_LONGEST_SLUG].strip("-") or "function"
    again = f"-{attempt}" if attempt > 1 else ""
    return f"{BRANCHES}{slug}-{digest.hexdigest()[:10]}{again}"


def body(proposal: Proposal, onto: str | None = None, head: str | None = None) -> str:
    """Return the body, which always fits: sections are left out where they do not, and named."""
    sections = [
        Section("", hidden(Kind.PULL_REQUEST, _fields(proposal))),
        *_essence(proposal),
        Section("how to reproduce it", reproduce(proposal, onto, head)),
        *(Section(name, folded(name, text), 2) for name, text in _details(proposal) if text),
        Section("commands", FOOTER),
    ]
    return fitted(sections)


def _essence(proposal: Proposal) -> Iterator[Section]:
    report, results = proposal.report, proposal.results
    for result in results:
        yield Section("the claim", evidence.opening(report, result))
        yield Section("the strategies", evidence.strategies(result), 1)
    yield Section("the changed lines", evidence.idea(proposal.patch), 1)
    yield Section("the table", evidence.measured(report, results))
    if len(results) == 1:
        yield Section("the picture", evidence.chart(_samples(proposal)), 1)
    yield Section("tests and cost", evidence.assurances(report, results))


def reproduce(proposal: Proposal, onto: str | None = None, head: str | None = None) -> str:
    """Return the commands that judge the same patch again."""
    head = head or branch(tuple(each.function for each in proposal.results), onto)
    return f"{REPRODUCE}\n\n" + fenced(
        f"git fetch origin {head} && git switch --detach {proposal.base}\n"
        "git diff HEAD FETCH_HEAD > speedup.patch && perfbot verify --patch speedup.patch",
        "sh",
    )


def _details(proposal: Proposal) -> Iterator[tuple[str, str]]:
    report, results = proposal.report, proposal.results
    functions = frozenset(each.function for each in results)
    samples = _samples(proposal)
    yield "Benchmarks of the project", "\n".join(filter(None, map(evidence.benchmarks, results)))
    yield "Environment", evidence.environment(report)
    yield "Rejected attempts", evidence.attempts(report, functions)
    yield "Samples", evidence.raw(samples) if samples and samples.pairs else ""


def _samples(proposal: Proposal) -> Samples | None:
    return proposal.samples.get(proposal.results[0].function)


def _commit_message(proposal: Proposal, headline: str, co_author: str | None) -> str:
    told = [
        f"{unformatted(each.name, 100)}: {unformatted(each.why.replace('`', ''), 300)}"
        for result in proposal.results
        for each in result.strategies
    ]
    measured = [
        f"{unformatted(result.function, 200)}: {words.interval(result.speedup)}"
        for result in proposal.results
        if result.speedup
    ]
    proven = PROVEN.format(version=proposal.report.perfbot, base=proposal.base[:12])
    paragraphs = [headline, *(_wrapped(each) for each in (*told, *measured, proven))]
    if co_author:
        paragraphs.append(f"Co-authored-by: {co_author}")
    return "\n\n".join(paragraphs) + "\n"


def _wrapped(text: str) -> str:
    """Wrap a text as an item of a list: no line of it can begin with a trailer such as Signed-off-by."""
    return textwrap.fill(
        text,
        _WRAPPED,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _fields(proposal: Proposal) -> dict[str, Value]:
    return {
        "base": proposal.base,
        "claims": [
            {
                "function": each.function,
                "strategies": [strategy.name[:_LONGEST_NAME] for strategy in each.strategies[:2]],
                "low": round(_low(each), 6),
            }
            for each in proposal.results
        ],
    }


def state(text: Text, own_id: int) -> State | None:
    """Return what a pull request remembers; None where it is not perfbot's own, or is damaged."""
    fields = found(text, Kind.PULL_REQUEST, own_id) or {}
    base, claims = fields.get("base"), fields.get("claims")
    if (
        not isinstance(base, str)
        or not evidence.COMMIT.fullmatch(base)
        or not isinstance(claims, list)
    ):
        return None
    read = [_claim(each) for each in claims]
    known = tuple(each for each in read if each is not None)
    if not known or len(known) != len(read):
        return None
    head = fields.get("head")
    ours = head if isinstance(head, str) and evidence.COMMIT.fullmatch(head) else None
    return State(base, known, ours, fields.get("withdrawn") is True)


def noting(text: Text, own_id: int, **fields: Value) -> str:
    """Return the body with these fields among those that it remembers, and otherwise as it was.

    A body that is not perfbot's own, or whose first line is damaged, is returned unchanged.
    """
    known = found(text, Kind.PULL_REQUEST, own_id)
    if known is None:
        return text.body
    rest = text.body.partition("\n")[2]
    return f"{hidden(Kind.PULL_REQUEST, {**known, **fields})}\n{rest}"


def _claim(value: Value) -> Claim | None:
    match value:
        case {"function": str(function), "strategies": list(names), "low": int() | float() as low}:
            strategies = tuple(name for name in names if isinstance(name, str))
            if "::" in function and math.isfinite(low) and low >= 0:
                return Claim(function, strategies, float(low))
    return None
