"""What a pull request changes: the files of a folder in two commits, from Git's objects alone.

Nothing of the checkout is looked at but which commit it is, and nothing that a repository's
configuration or attributes name (filters, external diffs) is run.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perfbot.bot.exits import Exit, RunError
from perfbot.bot.forge import CommitSha, commit_sha
from perfbot.bot.git import Objects, objects

NO_GIT = "{folder} lies in no Git repository, so what the pull request changes cannot be told"
NOT_THERE = (
    "the commit {commit} is not in the checkout: give actions/checkout `fetch-depth: 0`, so that the "
    "history of the pull request is there"
)
ELSEWHERE = (
    "the checkout stands at {found}, which is neither the pull request's head {head} nor its merge: "
    "give actions/checkout `ref: ${{{{ github.event.pull_request.head.sha }}}}`"
)
TOO_MUCH = "the pull request changes {count} files, and at most {most} are looked at"
_MOST_FILES = 3000  # GitHub itself lists no more
_LARGEST_BYTES = 4 * 1024 * 1024
_REGULAR = {b"100644", b"100755"}
_ABSENT = b"000000"


class DifferenceError(RunError):
    """What a pull request changes cannot be told; the message says why and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(Exit.USAGE, message)


@dataclass(frozen=True, slots=True)
class Difference:
    """What lies between two commits, below a folder; what is outside of it is passed over.

    ``files`` are old and new contents by POSIX path relative to the folder, None where there is no such
    file; ``odd`` are paths with something else than a small regular file on one side.
    """

    base: CommitSha
    head: CommitSha
    files: Mapping[str, tuple[bytes | None, bytes | None]]
    odd: tuple[str, ...] = ()


def difference(folder: Path, base: CommitSha, head: CommitSha) -> Difference:
    """Return what a pull request changes, from where its branch left ``base`` to ``head``.

    Where the merge of the two is checked out, as GitHub makes it, it counts from its first parent.
    Raises DifferenceError, and GitError when Git is missing or does not end.
    """
    with objects(folder) as git:
        if git is None:
            raise DifferenceError(NO_GIT.format(folder=folder))
        start, end = _ends(git, base, head)
        return _between(git, start, end, head)


def content(folder: Path, commit: CommitSha, path: str) -> bytes | None:
    """Return a file of a commit, None where there is none; ``path`` is from the repository's top."""
    with objects(folder) as git:
        if git is None:
            raise DifferenceError(NO_GIT.format(folder=folder))
        _check_there(git, commit)
        return git.ask("cat-file", "blob", f"{commit}:{path}")


def prefix(folder: Path) -> str:
    """Return what leads from the repository's top to a folder: ``""`` or ``sub/folder/``."""
    with objects(folder) as git:
        return git.prefix if git else ""


def fork_point(folder: Path, base: CommitSha, head: CommitSha) -> CommitSha:
    """Return the commit from which a pull request's change counts; raises as ``difference`` does."""
    with objects(folder) as git:
        if git is None:
            raise DifferenceError(NO_GIT.format(folder=folder))
        return _ends(git, base, head)[0]


def _ends(git: Objects, base: CommitSha, head: CommitSha) -> tuple[CommitSha, str]:
    for commit in (head, git.commit):
        _check_there(git, commit)
    if git.commit == head:
        _check_there(git, base)
        fork = git.ask("merge-base", base, head)
        if fork is None:
            raise DifferenceError(NOT_THERE.format(commit=base))
        return commit_sha(fork.decode("ascii").strip()), head
    listed = git.ask("rev-list", "--no-walk", "--parents", git.commit) or b""
    parents = listed.decode("ascii").split()[1:]
    if len(parents) != 2 or parents[1] != head:
        raise DifferenceError(ELSEWHERE.format(found=git.commit, head=head))
    _check_there(git, parents[0])
    return commit_sha(parents[0]), git.commit


def _check_there(git: Objects, commit: str) -> None:
    if git.ask("cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise DifferenceError(NOT_THERE.format(commit=commit))


def _between(git: Objects, start: CommitSha, end: str, head: CommitSha) -> Difference:
    listed = git.ask("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", start, end)
    if listed is None:
        raise DifferenceError(NOT_THERE.format(commit=start))
    parts = listed.split(b"\0")[:-1]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    if len(pairs) > _MOST_FILES:
        raise DifferenceError(TOO_MUCH.format(count=len(pairs), most=_MOST_FILES))
    files: dict[str, tuple[bytes | None, bytes | None]] = {}
    odd = []
    for facts, raw in pairs:
        path = os.fsdecode(raw)
        if not path.startswith(git.prefix):
            continue
        both = _contents(git, facts.removeprefix(b":").split(b" "))
        if both is None:
            odd.append(path)
        else:
            files[path.removeprefix(git.prefix)] = both
    return Difference(start, head, files, tuple(odd))


def _contents(git: Objects, facts: list[bytes]) -> tuple[bytes | None, bytes | None] | None:
    """Return both sides of a line of ``diff-tree --raw``, None for what is no small regular file."""
    old_mode, new_mode, old, new = facts[:4]
    sides: list[bytes | None] = []
    for mode, name in ((old_mode, old), (new_mode, new)):
        if mode == _ABSENT:
            sides.append(None)
            continue
        size = git.ask("cat-file", "-s", name.decode("ascii")) if mode in _REGULAR else None
        if size is None or int(size) > _LARGEST_BYTES:
            return None
        sides.append(git.ask("cat-file", "blob", name.decode("ascii")))
    return sides[0], sides[1]
