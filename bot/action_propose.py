"""Pull requests for what was proven on a branch, as a scheduled workflow opens them.

The pull requests themselves are the memory: what is open is not opened twice, what a person has closed is
left alone. Nothing of the repository runs here.
"""

from collections.abc import Sequence
from itertools import count

from perfbot.bot import evidence, pull_request
from perfbot.bot.action_changes import Change
from perfbot.bot.action_publish import NOTHING, Onto, Outcome, Source, named, opened_for, told_of
from perfbot.bot.forge import CommitSha, Forge, PullRequest, State, commit_sha
from perfbot.bot.markdown import code
from perfbot.bot.marker import Text
from perfbot.bot.report import Result

OPENED = "{functions}: [#{number}]({url})."
OPEN_ALREADY = "{functions}: #{number} is open."
CLOSED = "{functions}: left alone, because #{number} was closed."
WAITS = "{functions}: waits, because {count} pull requests of perfbot are open."
MOVED = "{functions}: not published, because {branch} has changed the file since it was measured."
NO_COMMIT = "Nothing was published: what was measured is no commit of Git."
DIRTY = (
    "Nothing was published: files that were measured differ from the commit that is checked out."
)
NOT_ON_BRANCH = "Nothing was published: {commit} is no commit of the branch {branch} on GitHub."


def propose(forge: Forge, source: Source, branch: str | None) -> Outcome:
    """Open pull requests against a branch, the default one if None: the largest effect first.

    At most as many are open at a time as the repository allows, and what was closed is left alone.
    Raises ForgeError when GitHub says no.
    """
    repository = source.handed.report.repository
    if repository.commit is None or repository.dirty:
        return Outcome((DIRTY if repository.dirty else NO_COMMIT,))
    default = forge.repository().default_branch
    onto = Onto(branch or default, branch not in (None, default), commit_sha(repository.commit))
    head = forge.branch(onto.branch)
    if head is None or forge.compare(onto.commit, head).behind:
        here = {"commit": evidence.commit(onto.commit), "branch": code(onto.branch)}
        return Outcome((NOT_ON_BRANCH.format(**here),))
    found, passed_over = source.changes(forge, onto.commit)
    own = [one for one in forge.own_pull_requests() if one.base.branch == onto.branch]
    told = [_propose(forge, source, change, onto, head, own) for change in _by_effect(found)]
    lines = (*(line for line, _ in told), *map(told_of, passed_over))
    return Outcome(lines or (NOTHING,), tuple(one.number for _, one in told if one))


def _by_effect(found: Sequence[Change]) -> list[Change]:
    def effect(change: Change) -> float:
        return max((_gain(each) for each in change.results), default=0.0)

    return sorted(found, key=effect, reverse=True)


def _gain(result: Result) -> float:
    speed = result.speedup
    return (speed.workload_estimate or speed.low / 1000) if speed else 0.0


def _propose(
    forge: Forge,
    source: Source,
    change: Change,
    onto: Onto,
    head: CommitSha,
    own: list[PullRequest],
) -> tuple[str, PullRequest | None]:
    """Open one pull request and add it to ``own``, or say why not."""
    functions = named(change)
    if standing := _standing(source.functions(change), own):
        told = OPEN_ALREADY if standing.state is State.OPEN else CLOSED
        return told.format(functions=functions, number=standing.number), None
    still_open = sum(one.state is State.OPEN for one in own)
    if still_open >= source.config.pull_requests.open_at_most:
        return WAITS.format(functions=functions, count=still_open), None
    if head != onto.commit and not _unmoved(forge, source, change, head):
        return MOVED.format(functions=functions, branch=code(onto.branch)), None
    opened = opened_for(forge, source, change, onto, _attempt(source.functions(change), onto, own))
    own.append(opened)
    return OPENED.format(functions=functions, number=opened.number, url=opened.url), opened


def _standing(functions: Sequence[str], own: Sequence[PullRequest]) -> PullRequest | None:
    """Return what speaks against another pull request for these functions: one that is open, or was closed.

    One that was merged does not, nor does one that perfbot itself has withdrawn.
    """
    known = [one for one in own if set(_claimed(one)) & set(functions)]
    still_open = (one for one in known if one.state is State.OPEN)
    closed = (one for one in known if one.state is State.CLOSED)
    return next(still_open, None) or next(closed, None)


def _claimed(one: PullRequest) -> tuple[str, ...]:
    """Return the functions of a pull request; the forge has made sure that perfbot wrote it."""
    found = pull_request.state(Text(one.body, one.author.id), one.author.id)
    gone = found is not None and found.withdrawn and one.state is State.CLOSED
    return found.functions if found and not gone else ()


def _attempt(functions: Sequence[str], onto: Onto, own: Sequence[PullRequest]) -> int:
    """Return the number of the first branch for these functions that no pull request has had."""
    taken = {one.head.branch for one in own}
    names = (pull_request.branch(functions, onto.name, number) for number in count(1))
    return next(number for number, name in enumerate(names, start=1) if name not in taken)


def _unmoved(forge: Forge, source: Source, change: Change, head: CommitSha) -> bool:
    return all(
        forge.file(source.prefix + path, head) == content for path, content in change.before.items()
    )
