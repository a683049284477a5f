"""A command of a person that perfbot has accepted: what every job that answers one works from."""

from dataclasses import dataclass

from perfbot.bot.forge import CommitSha


@dataclass(frozen=True, slots=True)
class Heard:
    """What was asked, by whom, about which commit.

    ``asked`` is the command as it was understood, ``head`` the commit that the person saw: the head of
    the pull request, or on an issue that of the default branch. Nothing else is ever run for it.
    """

    author: str
    asked: str
    head: CommitSha
    on_pull_request: bool
    passed_over: tuple[str, ...] = ()
