"""The Action at GitHub: which repository, pull request and commit a step is about, and its token.

What a stranger could have a hand in (a report, a branch, a title) never says which pull request is meant:
the runner's event does, or GitHub itself is asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from perfbot.bot import action_command, action_propose, action_publish, action_report
from perfbot.bot.action_event import BranchEvent, CommentEvent, Event, PullRequestEvent, RunEvent
from perfbot.bot.action_inputs import Inputs, Mode, Published
from perfbot.bot.action_measure import configuration
from perfbot.bot.action_publish import Outcome, Source
from perfbot.bot.config import FILE_NAME, Config
from perfbot.bot.config import read as read_config
from perfbot.bot.difference import prefix
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.forge import CommitSha, Forge, ForgeError, PullRequest, RepositoryName, Trouble
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_runs import Runs
from perfbot.bot.github_session import Site

NOT_GIVEN = "mode {mode} needs the input 'token'"
NO_COMMENT = "mode command answers a comment: run it on issue_comment"
NOT_OF_ONE = "mode {mode} needs to know which pull request it is about: run it on {events}"
NO_HEAD = (
    "mode publish on issue_comment needs the input 'head': the commit that mode command has put out"
)
OTHER_EVENT = (
    "the run {run} was started by {event} and not by pull_request, so nothing of it is published"
)
GONE = "Nothing was published: no open pull request stands at {head} any more."
PUBLIC_API = "https://api.github.com"
DEFAULT_LOGIN = "github-actions[bot]"


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did: lines of Markdown, and the step's outputs."""

    lines: tuple[str, ...]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _GitHub:
    """The repository that the workflow runs in, reached with the token that it was given."""

    site: Site
    token: str
    name: RepositoryName
    forge: Forge

    @classmethod
    def of(cls, mode: Mode, environ: Mapping[str, str]) -> "_GitHub":
        token = environ.get("PERFBOT_TOKEN", "").strip()
        if not token:
            raise RunError(Exit.USAGE, NOT_GIVEN.format(mode=mode))
        site = Site(environ.get("GITHUB_API_URL") or PUBLIC_API)
        name = RepositoryName.parsed(environ.get("GITHUB_REPOSITORY", ""))
        login = environ.get("PERFBOT_TOKEN_LOGIN", "").strip() or DEFAULT_LOGIN
        return cls(site, token, name, GitHubRepository(site, token, name, login))


def publish(inputs: Inputs, event: Event, environ: Mapping[str, str]) -> Done:
    """Do what the mode says on GitHub; raises RunError where that cannot be."""
    try:
        github = _GitHub.of(inputs.mode, environ)
        if inputs.mode is Mode.COMMAND:
            return _command(github, event)
        outcome = _published(inputs, event, github)
    except ForgeError as error:
        if error.trouble is not Trouble.DENIED or inputs.mode not in {Mode.REVIEW, Mode.VERIFY}:
            code = Exit.REPOSITORY if error.passes else Exit.USAGE
            raise RunError(code, str(error)) from None
        outcome = action_publish.read_only(error)
    return Done(outcome.lines, {"pull-requests": json.dumps(outcome.pull_requests)})


def _command(github: _GitHub, event: Event) -> Done:
    if not isinstance(event, CommentEvent):
        raise RunError(Exit.USAGE, NO_COMMENT)
    found = action_command.answer(github.forge, event)
    return Done((found.told,), found.outputs)


def _published(inputs: Inputs, event: Event, github: _GitHub) -> Outcome:
    if inputs.mode is Mode.PROPOSE:
        branch = event.branch if isinstance(event, BranchEvent) else None
        return action_propose.propose(github.forge, _own(inputs, event), branch)
    about = _about(inputs, event, github)
    if isinstance(about, Outcome):
        return about
    pull, head = about
    if inputs.mode is Mode.PUBLISH:
        source, judged = _foreign(inputs, github, pull), inputs.published is Published.VERIFY
    else:
        source, judged = _own(inputs, event), inputs.mode is Mode.VERIFY
    write = action_publish.verify if judged else action_publish.review
    return write(github.forge, source, pull, head)


def _own(inputs: Inputs, event: Event) -> Source:
    """Return what this very job has measured."""
    config = configuration(inputs, event)
    return Source(action_report.read(inputs.report), config, prefix(inputs.repository))


def _foreign(inputs: Inputs, github: _GitHub, pull: PullRequest) -> Source:
    """Return what another run has left behind; the configuration is asked of GitHub, as the base has it."""
    handed = action_report.read(inputs.report)
    below = PurePosixPath(inputs.folder).as_posix()
    folder = "" if below == "." else f"{below}/"
    content = github.forge.file(folder + FILE_NAME, pull.base.commit)
    config = read_config(content) if content is not None else Config()
    return Source(handed, inputs.adjusted(config), folder, stranger=True)


def _about(
    inputs: Inputs, event: Event, github: _GitHub
) -> tuple[PullRequest, CommitSha] | Outcome:
    """Return the pull request and its commit that was measured, or that it is not there any more."""
    match event:
        case PullRequestEvent():
            return github.forge.pull_request(event.number), inputs.head or event.head
        case RunEvent() if inputs.mode is Mode.PUBLISH:
            return _of_run(event, github)
        case CommentEvent() if inputs.mode is Mode.PUBLISH:
            if inputs.head is None:
                raise RunError(Exit.USAGE, NO_HEAD)
            return github.forge.pull_request(event.number), inputs.head
    events = "pull_request"
    if inputs.mode is Mode.PUBLISH:
        events += ", workflow_run or issue_comment"
    raise RunError(Exit.USAGE, NOT_OF_ONE.format(mode=inputs.mode, events=events))


def _of_run(event: RunEvent, github: _GitHub) -> tuple[PullRequest, CommitSha] | Outcome:
    runs = Runs(github.site, github.token, github.name)
    run = runs.run(event.run)
    if run.event != "pull_request":
        raise RunError(Exit.USAGE, OTHER_EVENT.format(run=run.id, event=run.event))
    pull = runs.pull_request(run)
    return (pull, run.head) if pull else Outcome((GONE.format(head=run.head),))
