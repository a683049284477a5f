"""perfbot's own pull requests in a repository: what is open, what people closed, what was withdrawn.

GitHub is the memory: each says in its hidden first line what it is about (``pull_request.state``), so
nothing is lost with a database, and a person decides by closing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from perfbot.bot import pull_request
from perfbot.bot.forge import (
    OWN_PREFIX,
    Forge,
    Marker,
    PullRequest,
    State,
    marker,
    own_branch,
)
from perfbot.bot.marker import Text

CLOSED = "its pull request #{number} was closed"


@dataclass(frozen=True, slots=True)
class OwnPull:
    """A pull request of perfbot's, and what it remembers."""

    pull: PullRequest
    state: pull_request.State

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that it is about."""
        return self.state.functions

    @property
    def untouched(self) -> bool:
        """Whether its branch stands where perfbot put it; where that is not known, it does not."""
        return self.state.head == self.pull.head.commit


def own_pull(pull: PullRequest, login: str) -> OwnPull | None:
    """Return a pull request that perfbot (``login``) opened; None for others and for damaged ones."""
    if pull.author.login != login or not pull.head.branch.startswith(OWN_PREFIX):
        return None
    state = pull_request.state(Text(pull.body, pull.author.id), pull.author.id)
    return OwnPull(pull, state) if state else None


def own_pulls(forge: Forge, login: str) -> tuple[OwnPull, ...]:
    """Return all that perfbot opened here, newest first; raises ForgeError."""
    all_of_them = (own_pull(pull, login) for pull in forge.own_pull_requests())
    return tuple(one for one in all_of_them if one)


def open_ones(owns: Iterable[OwnPull], base: str | None = None) -> tuple[OwnPull, ...]:
    """Return those that are open, with ``base`` only those against that branch."""
    return tuple(
        one for one in owns if one.pull.state is State.OPEN and base in (None, one.pull.base.branch)
    )


def closed_by_people(owns: Iterable[OwnPull]) -> dict[str, str]:
    """Return which functions are left alone because of a close, and the words for why."""
    return {
        function: CLOSED.format(number=one.pull.number)
        for one in owns
        if one.pull.state is State.CLOSED and not one.state.withdrawn
        for function in one.functions
    }


def free_branch(forge: Forge, owns: Iterable[OwnPull], functions: Sequence[str]) -> str:
    """Return the first name for these functions that no pull request has used and no branch has.

    Raises ForgeError.
    """
    used = {one.pull.head.branch for one in owns}
    names = (pull_request.branch(functions, attempt=attempt) for attempt in count(1))
    return next(name for name in names if name not in used and forge.branch(name) is None)


def withdraw(forge: Forge, one: OwnPull, sentence: str) -> None:
    """Close a pull request with one sentence; its functions may be proposed again.

    Safe to repeat. A branch with commits of people stays. Raises ForgeError.
    """
    may_be_proposed_again(forge, one)
    forge.say(one.pull.number, withdrawal(one.pull.number), sentence)
    forge.close_pull_request(one.pull.number)
    delete_branch(forge, one)


def delete_branch(forge: Forge, one: OwnPull) -> None:
    """Delete the branch of a pull request that is over, unless people have committed to it."""
    branch = own_branch(one.pull.head.branch)
    if one.state.head is not None and forge.branch(branch) == one.state.head:
        forge.delete_branch(branch)


def may_be_proposed_again(forge: Forge, one: OwnPull) -> None:
    """Take from a pull request that its close means to leave its functions alone."""
    pull = one.pull
    body = pull_request.noting(Text(pull.body, pull.author.id), pull.author.id, withdrawn=True)
    if body != pull.body:
        forge.edit_pull_request(pull.number, pull.title, body)


def withdrawal(number: int) -> Marker:
    """Return the mark of the comment that says why a pull request was withdrawn."""
    return marker(f"withdrawn={number}")
