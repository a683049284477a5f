"""``/optimize`` as a durable job: the function that is named, or those that a pull request changes.

look → check out → search (``searching``) → hand over (``handing_over``) → the last word. Each is a step:
what it came to is stored, and a job that goes on after a crash does not do it again. Nothing but the
commit that a person has asked for is run, and nothing is published once that is not the head any more.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbot.bot import comment, publishing
from perfbot.bot.attempts import Ending, attempt, patiently
from perfbot.bot.changed import changed_functions
from perfbot.bot.checks import check_of, text_in
from perfbot.bot.commanded import Commanded, begun, told
from perfbot.bot.commands import Optimize
from perfbot.bot.comment import Failed, Failure, Optimized, Stage
from perfbot.bot.deliveries import Json
from perfbot.bot.forge import FileChange, State, commit_sha
from perfbot.bot.handing_over import HandingOver
from perfbot.bot.heard import Heard
from perfbot.bot.hub import Place
from perfbot.bot.jobs import Job, JobEngine, Stopped
from perfbot.bot.publishable import publishable
from perfbot.bot.publishing import Target
from perfbot.bot.report import Reason, Report, Unchanged, to_json
from perfbot.bot.runs import Checkout, Wish
from perfbot.bot.searching import Search, Searched, names
from perfbot.bot.sticky import Sticky
from perfbot.bot.work import Tools

IGNORED = "it is left alone: {why}"
_MOST_FUNCTIONS = 100  # of one pull request that are looked at
_REMOVED = "removed"


def start(
    job: Job,
    engine: JobEngine,
    tools: Tools,
    place: Place,
    number: int,
    command: Optimize,
    heard: Heard,
) -> None:
    """Work on an accepted command, to its last word in the comment under ``number``."""
    at_work = begun(job, engine, tools, place, number, heard)
    at_work.work(_Optimizing(at_work, command).optimized)


def give_up(
    job: Job, tools: Tools, place: Place, number: int, heard: Heard, failure: Failure
) -> None:
    """Say that a job came to no result, because it broke or nobody will begin it again."""
    sticky = Sticky(tools.hub, tools.memory, place, number, told(job, heard), 0.0)
    patiently(lambda: sticky.show(Failed(failure)), lambda: False)
    tools.memory.end(job.id, {"failure": failure.name})


def in_pull_request(files: Sequence[FileChange], checkout: Checkout) -> Iterator[str]:
    """Yield the functions that a pull request changes, of files that perfbot may change."""
    for file in files:
        may_be = publishable([file.path], checkout.config.paths) is None
        text = text_in(checkout, file.path) if may_be and file.status != _REMOVED else None
        for qualname in changed_functions(text or "", file.hunks):
            yield f"{file.path}::{qualname}"


@dataclass(frozen=True, slots=True)
class _Optimizing:
    """One job at work."""

    at_work: Commanded
    command: Optimize

    @property
    def job(self) -> Job:
        return self.at_work.job

    @property
    def engine(self) -> JobEngine:
        return self.at_work.engine

    @property
    def tools(self) -> Tools:
        return self.at_work.tools

    @property
    def heard(self) -> Heard:
        return self.at_work.heard

    @property
    def sticky(self) -> Sticky:
        return self.at_work.sticky

    @property
    def place(self) -> Place:
        return self.at_work.place

    def optimized(self) -> tuple[comment.State, Json]:
        """Do it all; return what the comment says and what is remembered."""
        report, places = self._worked()
        return Optimized(report, places), {"report": _plain(report)}

    def _worked(self) -> tuple[Report, dict[str, comment.Place]]:
        target = _target(attempt(self.engine, "look", lambda _stopped: self._look()))
        attempt(self.engine, "check out", lambda stopped: self._check_out(target, stopped))
        searched = self._searched(target)
        places = self._handed_over(target, searched)

        def check(_stopped: Stopped) -> Json:
            checkout = self._checkout(target)
            made = check_of(f"job={self.job.id}", target.head, searched.report, checkout)
            with self.tools.hub.talking(self.place) as forge:
                forge.report(made)
            return None

        self.at_work.as_far_as_possible("check", check)
        return searched.report, places

    def _look(self) -> Json:
        """Find out what the command is about; it must still be the commit that was asked for."""
        with self.tools.hub.talking(self.place) as forge:
            if not self.heard.on_pull_request:
                return {"onto": forge.repository().default_branch, "head": self.heard.head}
            pull = forge.pull_request(self.sticky.number)
        if pull.state is not State.OPEN:
            raise Ending(Failure.CLOSED)
        if pull.head.repository is None:
            raise Ending(Failure.FORK_GONE)
        if pull.head.commit != self.heard.head:
            raise Ending(Failure.HEAD_MOVED)
        return {
            "onto": pull.head.branch,
            "head": pull.head.commit,
            "number": pull.number,
            "fork": pull.from_fork,
            "base": pull.base.commit,
        }

    def _check_out(self, target: Target, stopped: Stopped) -> Json:
        with self.sticky.telling(Stage.CHECKOUT, stopped):
            self._checkout(target)
        return None

    def _checkout(self, target: Target) -> Checkout:
        checkout = self.tools.workspace.checkout
        return checkout(self.job.id, self.place, target.head, target.base, stranger=target.fork)

    def _searched(self, target: Target) -> Searched:
        command = self.command
        search = Search(
            self.engine,
            self.tools.runs,
            lambda: self._checkout(target),
            Wish((), command.time_s, command.hint, self.job.priority),
            self.sticky,
        )
        if command.function is not None:
            return search.named([str(command.function)])
        if target.number is None:
            raise Ending(Failure.NAME_ONE)
        changed = attempt(self.engine, "read the diff", lambda _stopped: self._changed(target))
        assert isinstance(changed, dict)
        if not changed["functions"]:
            raise Ending(Failure.NOTHING_TO_DO)
        return search.among(names(changed["functions"])).with_rows(_ignored(changed["ignored"]))

    def _changed(self, target: Target) -> Json:
        """Return the functions that the pull request changes, apart those that are left alone."""
        checkout = self._checkout(target)
        with self.tools.hub.talking(self.place) as forge:
            files = forge.files(self.sticky.number)
        alone = self.tools.memory.ignored(self.place.repository.id)
        functions: list[Json] = []
        ignored: dict[str, Json] = {}
        for one in in_pull_request(files, checkout):
            if why := alone.get(one) or alone.get(one.rpartition("::")[0]):
                ignored[one] = why
            else:
                functions.append(one)
        return {"functions": functions[:_MOST_FUNCTIONS], "ignored": ignored}

    def _handed_over(self, target: Target, searched: Searched) -> dict[str, comment.Place]:
        handing = HandingOver(
            self.engine,
            self.tools.hub,
            self.place,
            target,
            lambda: self._checkout(target),
            self.sticky,
        )
        places: dict[str, comment.Place] = {}
        for number, stored in enumerate(searched.founds, start=1):
            places |= publishing.from_json(handing.hand_over(number, stored), stored)
        return places


def _target(stored: Json) -> Target:
    match stored:
        case {
            "onto": str(onto),
            "head": str(head),
            "number": int(number),
            "fork": bool(fork),
            "base": str(base),
        }:
            return Target(commit_sha(head), onto, number, fork, commit_sha(base))
        case {"onto": str(onto), "head": str(head)}:
            return Target(commit_sha(head), onto)
    raise Ending(Failure.INTERNAL)


def _ignored(stored: Json) -> tuple[Unchanged, ...]:
    rows = stored.items() if isinstance(stored, dict) else ()
    return tuple(Unchanged(one, Reason.IGNORED, IGNORED.format(why=why)) for one, why in rows)


def _plain(report: Report) -> Json:
    plain: Json = json.loads(to_json(report))
    return plain
