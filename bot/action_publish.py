"""What the Action writes on GitHub of a report: pull requests, or suggestions and one comment, or a check.

Nothing of the repository runs here, so this may hold a token that writes. Whoever measured is not trusted
further than it has to be: files come from GitHub, by commit, and whatever stands already is found again
instead of being written twice.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from perfbot.bot import check_run, comment, evidence, pull_request
from perfbot.bot.action_changes import Change, PassedOver, changes, unfit
from perfbot.bot.action_report import Handed
from perfbot.bot.comment import Attached, Job, Opened, Optimized, Place, Suggested, Withheld
from perfbot.bot.config import Config
from perfbot.bot.forge import Change as Commit
from perfbot.bot.forge import (
    Check,
    CommitSha,
    Conclusion,
    FileChange,
    Forge,
    ForgeError,
    Marker,
    PullRequest,
    PullRequestText,
    State,
    Trouble,
    marker,
    own_branch,
)
from perfbot.bot.forge import Suggestion as OnLines
from perfbot.bot.markdown import Section, code, fitted, plain
from perfbot.bot.pull_request import Proposal
from perfbot.bot.report import Result
from perfbot.bot.suggestions import NOT_IN_DIFF, Suggestion, Unsuitable, suggestions
from perfbot.bot.suggestions import comment as said_with

KEY = "action"
ASKED = "the functions that this pull request changes"
PLACED = "{functions}: {where}."
PASSED_OVER = "{function}: not published, because {why}."
HEAD_MOVED = (
    "Nothing was published: the pull request's head is {head} now, and {measured} was looked at."
)
NOTHING = "There was nothing to publish."
COMMENTED = "One comment in #{number}."
CHECKED = "The check {name} on {commit}: {conclusion}."
READ_ONLY = (
    "Nothing more was published: {why} (A pull request from a fork has a token that only reads; "
    "docs/action.md says how its results are published.)"
)
MAY_NOT_PUSH = "the workflow's token may not write branches"
OWN_CLOSED = "its pull request #{number} was closed"
UNTRUSTED = (
    "_Measured in a workflow run of the pull request itself, which whoever wrote it can change: the "
    "figures are what that run reported. Nothing was run again; that the change keeps the interface and "
    "reaches for nothing new was read from the code._"
)
_ROOM = 1000  # characters of a comment that are kept for what is said beside the result
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was published: numbers of pull requests, and a line of Markdown for each thing."""

    lines: tuple[str, ...]
    pull_requests: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A report, and where its files lie: ``prefix`` leads from the repository's top to its folder.

    ``stranger`` says that the report comes from a run that whoever wrote the code could change.
    """

    handed: Handed
    config: Config
    prefix: str = ""
    stranger: bool = False

    def changes(
        self, forge: Forge, commit: CommitSha
    ) -> tuple[tuple[Change, ...], tuple[PassedOver, ...]]:
        """Return what can be published on top of a commit, and what cannot."""
        read = cache(lambda path: forge.file(self.prefix + path, commit))
        found, passed_over = changes(self.handed, read, self.config.paths)
        if not self.stranger:
            return found, passed_over
        reasons = {change.functions: unfit(change) for change in found}
        refused = [PassedOver(name, why) for names, why in reasons.items() if why for name in names]
        fit = tuple(change for change in found if reasons[change.functions] is None)
        return fit, (*passed_over, *refused)

    @property
    def key(self) -> str:
        """What tells the texts on this project from those on others of the same repository."""
        if not self.prefix:
            return KEY
        return f"{KEY}:{hashlib.sha256(os.fsencode(self.prefix)).hexdigest()[:8]}"

    def functions(self, change: Change) -> tuple[str, ...]:
        """Return the functions of a change by their paths from the repository's top."""
        return tuple(self.prefix + name for name in change.functions)

    def files(self, change: Change) -> dict[str, bytes]:
        """Return the new contents by path from the repository's top."""
        return {self.prefix + path: content for path, content in change.after.items()}


# --- what pull requests and reviews have in common ---------------------------------------------


@dataclass(frozen=True, slots=True)
class Onto:
    """The branch that pull requests are made against, and the commit of it that was measured."""

    branch: str
    named: bool
    commit: CommitSha

    @property
    def name(self) -> str | None:
        """The branch where it is not the default one."""
        return self.branch if self.named else None


def opened_for(
    forge: Forge, source: Source, change: Change, onto: Onto, attempt: int = 1
) -> PullRequest:
    """Write the branch and open its pull request; what an earlier run has left of it is taken up."""
    draft = draft_of(source, change, onto, attempt)
    branch = own_branch(draft.branch)
    commit = Commit(onto.commit, draft.commit_message, source.files(change))
    forge.publish(branch, commit, forge.branch(branch))
    text = PullRequestText(branch, onto.branch, draft.title, draft.body, draft.draft)
    opened = forge.open_pull_request(text)
    if opened.state is State.OPEN and draft.labels:
        forge.label(opened.number, draft.labels)
    return opened


def draft_of(
    source: Source, change: Change, onto: Onto, attempt: int = 1
) -> pull_request.PullRequestDraft:
    """Return the pull request for a change, in which functions go by their paths from the top."""
    report, prefix = source.handed.report, source.prefix
    hotspots = tuple(replace(row, function=prefix + row.function) for row in report.hotspots)
    samples = {prefix + name: each for name, each in source.handed.samples.items()}
    whole = replace(report, hotspots=hotspots, results=_from_the_top(prefix, report.results))
    results = _from_the_top(prefix, change.results)
    proposal = Proposal(whole, results, change.patch, samples, onto.commit)
    names = [each.function for each in results]
    head = pull_request.branch(names, onto.name, attempt)
    return pull_request.pull_request(proposal, source.config.pull_requests, onto.name, head)


def _from_the_top(prefix: str, results: Sequence[Result]) -> tuple[Result, ...]:
    return tuple(replace(each, function=prefix + each.function) for each in results)


# --- review -------------------------------------------------------------------------------------


def review(forge: Forge, source: Source, pull: PullRequest, head: CommitSha) -> Outcome:
    """Put what was proven into a pull request: suggestions, a pull request against its branch, a patch.

    Nothing is written where the pull request has moved on from ``head``. Raises ForgeError when GitHub
    says no.
    """
    if pull.head.commit != head:
        return Outcome((_head_moved(pull, head),))
    found, passed_over = source.changes(forge, head)
    shown = {file.path: file for file in forge.files(pull.number)}
    places: dict[str, Place] = {}
    for change in found:
        place = _placed(forge, source, change, pull, shown)
        places |= dict.fromkeys(change.functions, place)
    if not source.stranger:
        places |= {one.function: Withheld(one.why) for one in passed_over}
    lines = [_placed_line(change, places) for change in found]
    mark = marker(f"{source.key}=review")
    if _say(forge, mark, _comment(source, places, head), pull, news=bool(found)):
        lines.append(COMMENTED.format(number=pull.number))
    numbers = tuple(place.number for place in places.values() if isinstance(place, Opened))
    lines += map(told_of, passed_over)
    return Outcome(tuple(lines) or (NOTHING,), tuple(dict.fromkeys(numbers)))


def _placed(
    forge: Forge,
    source: Source,
    change: Change,
    pull: PullRequest,
    shown: Mapping[str, FileChange],
) -> Place:
    fitting = _suggestions(source, change, shown)
    if not isinstance(fitting, Unsuitable):
        fitting = _suggested(forge, source, change, pull, fitting)
    if not isinstance(fitting, Unsuitable):
        return Suggested(len(fitting))
    if pull.from_fork or source.stranger:
        return Attached(change.patch, fitting.reason)
    return _beside(forge, source, change, pull)


def _suggestions(
    source: Source, change: Change, shown: Mapping[str, FileChange]
) -> tuple[Suggestion, ...] | Unsuitable:
    """Return the suggestions of a change in all its files, or why there can be none."""
    found: list[Suggestion] = []
    for path, after in change.after.items():
        whole = source.prefix + path
        diff = shown[whole].hunks if whole in shown else None
        fitting = suggestions(whole, change.before[path] or b"", after, diff)
        if isinstance(fitting, Unsuitable):
            return fitting
        found += fitting
    return tuple(found)


def _suggested(
    forge: Forge,
    source: Source,
    change: Change,
    pull: PullRequest,
    fitting: tuple[Suggestion, ...],
) -> tuple[Suggestion, ...] | Unsuitable:
    """Make the suggestions; return them, or that GitHub does not know the lines."""
    told, digest = _explained(source, change), _digest(change, pull)
    for number, each in enumerate(fitting, start=1):
        text = said_with(each, told, number, len(fitting))
        mark = marker(f"{source.key}=suggestion:{digest}:{number}")
        lines = OnLines(pull.head.commit, each.path, each.first, each.last, text)
        try:
            forge.suggest(pull.number, mark, lines)
        except ForgeError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
            return Unsuitable(NOT_IN_DIFF)
    return fitting


def _explained(source: Source, change: Change) -> str:
    report = source.handed.report
    parts = [
        part
        for each in change.results
        for part in (evidence.opening(report, each), evidence.strategies(each))
    ]
    return "\n\n".join(filter(None, [*parts, UNTRUSTED if source.stranger else ""]))


def _digest(change: Change, pull: PullRequest) -> str:
    """Return what is the same for the same change to the same commit only."""
    told = "\0".join([pull.head.commit, *change.functions]).encode("utf-8", "backslashreplace")
    return hashlib.sha256(told + change.patch).hexdigest()[:16]


def _beside(forge: Forge, source: Source, change: Change, pull: PullRequest) -> Place:
    """Open a pull request against the pull request's branch, or bring the one there up to date."""
    onto = Onto(pull.head.branch, True, pull.head.commit)
    try:
        opened = opened_for(forge, source, change, onto)
    except ForgeError as error:
        if error.trouble is not Trouble.DENIED:
            raise
        return Attached(change.patch, MAY_NOT_PUSH)
    if opened.state is not State.OPEN:
        return Attached(change.patch, OWN_CLOSED.format(number=opened.number))
    draft = draft_of(source, change, onto)
    if (opened.title, opened.body) != (draft.title, draft.body):
        forge.edit_pull_request(opened.number, draft.title, draft.body)
    return Opened(opened.number)


def _comment(source: Source, places: Mapping[str, Place], head: CommitSha) -> str:
    """Return the comment: of the accepted results those alone that have a place."""
    report = source.handed.report
    kept = tuple(
        each for each in report.results if each.function in places or each not in report.accepted
    )
    shown = Optimized(replace(report, results=kept), places)
    text = comment.sticky(Job(source.key, ASKED, head), shown, room=_ROOM)
    return f"{text.rstrip()}\n\n{UNTRUSTED}" if source.stranger else text


def _say(forge: Forge, mark: Marker, text: str, pull: PullRequest, *, news: bool) -> bool:
    """Write the one comment; where there are no news only one that stands is brought up to date."""
    if not news and not any(
        said.body.rstrip().endswith(mark) for said in forge.comments(pull.number)
    ):
        return False
    forge.say(pull.number, mark, text)
    return True


# --- verify -------------------------------------------------------------------------------------


def verify(forge: Forge, source: Source, pull: PullRequest, head: CommitSha) -> Outcome:
    """Put the verdict on a pull request's own change beside its head, as a check.

    A stranger's run can make it red or neutral, never green. Raises ForgeError when GitHub says no.
    """
    if pull.head.commit != head:
        return Outcome((_head_moved(pull, head),))
    shown = check_run.check_run(source.handed.report, {}, judged=True)
    conclusion = Conclusion(shown.conclusion.value)
    summary = shown.summary
    if source.stranger:
        conclusion = Conclusion.NEUTRAL if conclusion is Conclusion.SUCCESS else conclusion
        parts = [Section("", UNTRUSTED), Section("the verdict", summary, 1)]
        summary = fitted(parts, check_run.LONGEST_SUMMARY)
    forge.report(Check(source.key, check_run.NAME, head, shown.title, summary, conclusion))
    told = {"name": check_run.NAME, "commit": evidence.commit(head), "conclusion": conclusion}
    return Outcome((CHECKED.format(**told),))


# --- words --------------------------------------------------------------------------------------


def named(change: Change) -> str:
    """Return the functions of a change, for a line of the summary."""
    return ", ".join(code(name, _LONGEST_NAME) for name in change.functions)


def told_of(one: PassedOver) -> str:
    """Return a line on what was not published."""
    return PASSED_OVER.format(function=code(one.function, _LONGEST_NAME), why=plain(one.why))


def _head_moved(pull: PullRequest, measured: CommitSha) -> str:
    here = {"head": evidence.commit(pull.head.commit), "measured": evidence.commit(measured)}
    return HEAD_MOVED.format(**here)


def _placed_line(change: Change, places: Mapping[str, Place]) -> str:
    match places[change.functions[0]]:
        case Suggested(count):
            where = "a suggestion" if count == 1 else f"{count} suggestions"
        case Opened(number):
            where = f"#{number}"
        case Attached(_, why):
            where = f"a patch, because {plain(why)}"
        case Withheld(why):
            where = f"not handed over, because {plain(why)}"
    return PLACED.format(functions=named(change), where=where)


def read_only(error: ForgeError) -> Outcome:
    """Return the outcome where the token may not write, as it is for a pull request from a fork."""
    return Outcome((READ_ONLY.format(why=plain(str(error))),))
