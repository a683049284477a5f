"""``/perfbot verify``: a pull request's own change, judged as a claim to be faster.

Measured is what the pull request itself does: from where it left its base to its head, made into a
patch by perfbot's own Git directory. Only its Python source counts; the tests and the environment are
those of where it began and the configuration is its base's, so that a change does not judge itself.
"""

import json
from dataclasses import dataclass

from perfbot.bot.attempts import Ending, attempt
from perfbot.bot.checks import check_of
from perfbot.bot.commanded import Commanded, begun
from perfbot.bot.comment import Failure, Stage, State, Verified
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import CommitSha, commit_sha
from perfbot.bot.forge import State as PullState
from perfbot.bot.heard import Heard
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, Stopped
from perfbot.bot.patch import unified_patch
from perfbot.bot.publishable import kind_of
from perfbot.bot.report import Report, to_json
from perfbot.bot.runs import Checkout, Wish
from perfbot.bot.stored_runs import report_of
from perfbot.bot.work import Tools


@dataclass(frozen=True, slots=True)
class Claim:
    """What is judged: ``head`` against ``start``, where it left its base, under ``base``'s settings."""

    start: CommitSha
    head: CommitSha
    base: CommitSha
    fork: bool


def start(
    job: Job, engine: JobEngine, tools: Tools, place: Place, number: int, heard: Heard
) -> None:
    """Work on an accepted command, to its last word in the comment under ``number``."""
    at_work = begun(job, engine, tools, place, number, heard, judging=True)
    at_work.work(lambda: _Verifying(at_work).verify())


@dataclass(frozen=True, slots=True)
class _Verifying:
    at_work: Commanded

    def verify(self) -> tuple[State, Json]:
        """Judge the change; return what the comment says and what is remembered."""
        engine = self.at_work.engine
        claim = _claim(attempt(engine, "look", lambda _stopped: self._look()))
        left_out = attempt(engine, "check out", lambda stopped: self._check_out(claim, stopped))
        judged = attempt(engine, "judge", lambda stopped: self._judge(claim, stopped))
        report = report_of(judged)

        def check(_stopped: Stopped) -> Json:
            self._report(claim, report)
            return None

        self.at_work.as_far_as_possible("check", check)
        return Verified(report, int(str(left_out))), {"report": judged}

    def _look(self) -> Json:
        """Find out what the pull request changes; its head must still be the one that was meant."""
        with self.at_work.tools.hub.talking(self.at_work.place) as forge:
            pull = forge.pull_request(self.at_work.sticky.number)
            if pull.state is not PullState.OPEN:
                raise Ending(Failure.CLOSED)
            if pull.head.commit != self.at_work.heard.head:
                raise Ending(Failure.HEAD_MOVED)
            start = forge.compare(pull.base.commit, pull.head.commit).merge_base
        base, head = pull.base.commit, pull.head.commit
        return {"start": start, "head": head, "base": base, "fork": pull.from_fork}

    def _check_out(self, claim: Claim, stopped: Stopped) -> Json:
        """Fetch both commits and lay one out; return how many files are left out of the claim."""
        with self.at_work.sticky.telling(Stage.CHECKOUT, stopped):
            self._checkout(claim, claim.start)
            everything = self._changes(claim)
            claimed = _source(everything)
        if not claimed:
            raise Ending(Failure.NO_CLAIM)
        return len(everything) - len(claimed)

    def _judge(self, claim: Claim, stopped: Stopped) -> Json:
        patch = unified_patch(_source(self._changes(claim)))
        checkout, wish = (
            self._checkout(claim, claim.start),
            Wish(priority=self.at_work.job.priority),
        )
        with self.at_work.sticky.telling(Stage.JUDGING, stopped) as tick:
            found = self.at_work.tools.runs.verify(checkout, patch, wish, stopped, tick)
        report: Json = json.loads(to_json(found.report))
        return report

    def _report(self, claim: Claim, report: Report) -> None:
        """Show a check on the head, red only where a function is proven slower."""
        checkout = self._checkout(claim, claim.head)
        key = f"job={self.at_work.job.id}"
        with self.at_work.tools.hub.talking(self.at_work.place) as forge:
            forge.report(check_of(key, claim.head, report, checkout, judged=True))

    def _checkout(self, claim: Claim, commit: CommitSha) -> Checkout:
        at_work, lay_out = self.at_work, self.at_work.tools.workspace.checkout
        return lay_out(at_work.job.id, at_work.place, commit, claim.base, stranger=claim.fork)

    def _changes(self, claim: Claim) -> dict[str, tuple[bytes | None, bytes]]:
        place, workspace = self.at_work.place, self.at_work.tools.workspace
        return workspace.changes(place, claim.start, claim.head)


def _source(
    changes: dict[str, tuple[bytes | None, bytes]],
) -> dict[str, tuple[bytes | None, bytes]]:
    """Leave out what would judge itself (tests, settings, builds) and what is no Python source."""
    return {path: both for path, both in changes.items() if kind_of(path) is None}


def _claim(stored: Json) -> Claim:
    match stored:
        case {"start": str(start), "head": str(head), "base": str(base), "fork": bool(fork)}:
            return Claim(commit_sha(start), commit_sha(head), commit_sha(base), fork)
    raise Ending(Failure.INTERNAL)
