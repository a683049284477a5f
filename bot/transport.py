"""Code from GitHub and back: GitPython with constant options, and a Git directory out of reach.

Foreign code never sees the Git directory. It gets what :meth:`Store.export` lays out, plain files without
``.git``, and nothing that it does to them is staged: a commit is made of perfbot's own bytes. So nothing
that a repository brings along (``.git/config``, hooks, filters in ``.gitattributes``) is ever run. The
token, which Git is told by its environment and for one origin only, stands in no command line, address,
file or message. Which attacks that answers: docs/github.md.
"""

import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from git import Git
from git.exc import CommandError, GitCommandNotFound

from perfbot.bot.forge import (
    Change,
    CommitSha,
    ForgeError,
    OwnBranch,
    RepositoryName,
    Trouble,
    commit_sha,
    own_branch,
)
from perfbot.bot.github_session import ADVICE, Site

_OLDEST_GIT = (2, 31)
_LIMIT_S = 600
_MOST_FILES = 200_000
_LARGEST_TREE_BYTES = 2 * 1024**3
_MOST_CHANGED = 3_000  # files of one change, as many as GitHub itself lists
_LARGEST_CHANGE_BYTES = 64 * 1024**2
_LONGEST_REASON = 300
_REGULAR = {"100644", "100755"}
_NEW_FILE = "100644"

# Attributes of the repository would leave files out, rewrite them, or name filters to run.
_ATTRIBUTES = (
    "* -text -eol -crlf -ident -filter -working-tree-encoding -export-ignore -export-subst\n"
)
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "push.recurseSubmodules": "no",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.followRedirects": "false",
    # A server that stalls is left after a minute, by Git's own helper process as well.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}
_INHERITED = {
    "PATH", "LD_LIBRARY_PATH", "TMPDIR",
    "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
}  # fmt: skip

FAILED = "Git did not {what}: {why}. {advice}"
NO_FILE = (
    "{path} cannot be written: a change may touch regular files by their paths in the repository"
)
TOO_LARGE = "{commit} is too large to be looked at: {files:,} files, {size:,} bytes"
NO_GIT = "git was not found on this machine; install Git 2.31 or newer"
IN_THE_WAY = "{folder} is there already; files are laid out in a new folder only"
OLD_GIT = "{found} is too old to be given a token safely; install Git 2.31 or newer"
_MEANING = (
    (re.compile(r"stale info|rejected|declined|fetch first|refusing", re.IGNORECASE), Trouble.REFUSED),
    (re.compile(r"returned error: (401|403)|Authentication failed|could not read Username"), Trouble.DENIED),
    (re.compile(r"returned error: 404|not found|not our ref|no such remote ref"), Trouble.MISSING),
    (re.compile(r"returned error: 429"), Trouble.LIMITED),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository as Git reaches it, with a token; what is printed of it never shows the secret."""

    site: Site
    name: RepositoryName
    secret: str = field(repr=False)

    @property
    def url(self) -> str:
        """Its address, without the token."""
        return f"{self.site.web}/{self.name}.git"

    @property
    def environment(self) -> dict[str, str]:
        """What tells Git the token, for this origin alone: a redirect elsewhere would not carry it."""
        given = b64encode(f"x-access-token:{self.secret}".encode()).decode()
        header = {f"http.{self.site.web}/.extraHeader": f"Authorization: Basic {given}"}
        protocol = "http" if self.site.on_loopback and self.url.startswith("http:") else "https"
        return {**_configured({**_SETTINGS, **header}), "GIT_ALLOW_PROTOCOL": protocol}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who makes a commit and when; the same change by the same signature is the same commit."""

    name: str
    email: str
    moment: datetime


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of a commit in a folder, without links that lead out of it (``left_out``)."""

    folder: Path
    left_out: tuple[str, ...]


class Store:
    """A Git directory of perfbot's own, which holds single commits without their history.

    ``path`` is made when it is not there, and must lie where no foreign code can reach it. It belongs to
    one process at a time: what a killed one left half done is cleared away. Every method raises
    ForgeError when Git fails; OSError where ``path`` cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_version(self._git("say its version", "version"))
        for left in (*self._path.glob("*.lock"), *self._path.glob("refs/**/*.lock")):
            left.unlink()
        self._git("make its folder", "init", "--quiet", "--template=")
        (self._path / "info").mkdir(exist_ok=True)
        (self._path / "info" / "attributes").write_text(_ATTRIBUTES)

    def fetch(self, remote: Remote, commit: CommitSha) -> None:
        """Fetch exactly this commit, whatever the branches have become since it was approved."""
        commit = commit_sha(commit)
        if self._has(commit):
            return
        self._git(
            f"fetch {commit} of {remote.name}",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--depth=1",
            "--",
            remote.url,
            f"+{commit}:refs/perfbot/{commit}",
            environment=remote.environment,
        )

    def _has(self, commit: CommitSha) -> bool:
        """Tell whether a fetch of this commit has come to its end: the reference is written last."""
        listed = self._git(
            "look", "for-each-ref", "--format=%(objectname)", f"refs/perfbot/{commit}"
        )
        return listed == commit

    def export(self, commit: CommitSha, into: Path) -> Exported:
        """Lay out the files of a commit, byte for byte as they are stored, in a new folder.

        REFUSED when the folder exists or the files are too many or too large.
        """
        commit, folder = commit_sha(commit), into.resolve()
        if folder.exists():
            raise ForgeError(Trouble.REFUSED, IN_THE_WAY.format(folder=folder))
        self._check_size(commit)
        folder.mkdir(parents=True)
        with self._index(commit) as index:
            self._git(
                f"lay out {commit}",
                "checkout-index",
                "--all",
                "--quiet",
                environment={**index, "GIT_WORK_TREE": str(folder)},
            )
        return Exported(folder, tuple(_without_ways_out(folder)))

    def _check_size(self, commit: CommitSha) -> None:
        """A few kilobytes of Git can unpack to any size."""
        what = f"list the files of {commit}"
        entries = self._git(what, "ls-tree", "-r", "-l", "-z", commit).split("\0")
        sizes = [entry.split("\t")[0].split()[3] for entry in entries if entry]
        total = sum(int(size) for size in sizes if size.isdigit())
        if len(sizes) > _MOST_FILES or total > _LARGEST_TREE_BYTES:
            words = TOO_LARGE.format(commit=commit, files=len(sizes), size=total)
            raise ForgeError(Trouble.REFUSED, words)

    def changes(self, before: CommitSha, after: CommitSha) -> dict[str, tuple[bytes | None, bytes]]:
        """Return the regular files that two fetched commits differ in: old (None: new) and new bytes.

        Files that are gone or are no regular ones in the later commit are left out, and a file that
        was none before counts as new. REFUSED when they are too many or too large.
        """
        before, after = commit_sha(before), commit_sha(after)
        what = f"compare {before} with {after}"
        listed = self._git(what, "diff-tree", "-r", "-z", "--raw", "--no-renames", before, after)
        fields = listed.split("\0")[:-1]
        rows = [
            (path, *facts.removeprefix(":").split(" ")[:4])
            for facts, path in zip(fields[::2], fields[1::2], strict=True)
        ]
        kept = [row for row in rows if row[2] in _REGULAR]
        self._check_total([row[4] for row in kept], after)
        return {
            path: (self._content(old) if was in _REGULAR else None, self._content(new))
            for path, was, _, old, new in kept
        }

    def _check_total(self, blobs: Sequence[str], commit: CommitSha) -> None:
        asked = "\n".join(blobs).encode()
        what = f"say how large the files of {commit} are"
        said = self._git(what, "cat-file", "--batch-check=%(objectsize)", given=asked)
        sizes = [int(size) for size in said.split()]
        if len(sizes) > _MOST_CHANGED or sum(sizes) > _LARGEST_CHANGE_BYTES:
            words = TOO_LARGE.format(commit=commit, files=len(sizes), size=sum(sizes))
            raise ForgeError(Trouble.REFUSED, words)

    def _content(self, blob: str) -> bytes:
        return os.fsencode(self._git("read a file", "cat-file", "blob", blob, to_the_end=True))

    def commit(self, change: Change, signature: Signature) -> CommitSha:
        """Make a commit of perfbot's own bytes on top of a fetched one; files keep their modes."""
        parent = commit_sha(change.parent)
        modes = self._modes(parent, list(change.files))
        with self._index(parent) as index:
            entries = b"".join(
                f"{modes[path]} {self._blob(content)}\t".encode() + os.fsencode(path) + b"\0"
                for path, content in change.files.items()
            )
            what = "put files into a commit"
            self._git(what, "update-index", "-z", "--index-info", given=entries, environment=index)
            tree = self._git("write a tree", "write-tree", environment=index)
        made = self._git(
            "make a commit",
            "commit-tree",
            tree,
            "-p",
            parent,
            "-F",
            "-",
            given=change.message.encode(),
            environment=_signed(signature),
        )
        return commit_sha(made)

    def _modes(self, parent: CommitSha, paths: Sequence[str]) -> dict[str, str]:
        """Return the mode of each file, after making sure that it is one and no folder or link is hit."""
        listed = self._git(f"list the files of {parent}", "ls-tree", "-r", "-z", parent).split("\0")
        known = {entry.split("\t", 1)[1]: entry.split(" ")[0] for entry in listed if entry}
        folders = {folder for path in known for folder in _folders(path)}
        for path in paths:
            parts = path.lower().split("/")
            spelled = all(parts) and not {".", "..", ".git"} & set(parts)
            regular = known.get(path, _NEW_FILE) in _REGULAR and path not in folders
            if not (spelled and regular) or any(folder in known for folder in _folders(path)):
                raise ForgeError(
                    Trouble.REFUSED, NO_FILE.format(path=path or "a file without a name")
                )
        return {path: known.get(path, _NEW_FILE) for path in paths}

    def _blob(self, content: bytes) -> str:
        what = "store a file"
        return self._git(what, "hash-object", "-w", "--no-filters", "--stdin", given=content)

    def push(
        self, remote: Remote, commit: CommitSha, branch: OwnBranch, was: CommitSha | None
    ) -> None:
        """Put a commit on a branch of perfbot that stands at ``was`` (None: that does not exist yet).

        Nothing happens when the branch stands at the commit already; REFUSED when anywhere else.
        """
        commit, branch = commit_sha(commit), own_branch(branch)
        if self.branch(remote, branch) == commit:
            return
        try:
            self._push(remote, commit, branch, was)
        except ForgeError as error:
            # The answer may have been lost after it was done.
            if error.trouble is Trouble.DENIED or self.branch(remote, branch) != commit:
                raise

    def _push(
        self, remote: Remote, commit: CommitSha, branch: OwnBranch, was: CommitSha | None
    ) -> None:
        self._git(
            f"push {branch} to {remote.name}",
            "push",
            "--quiet",
            "--no-verify",
            f"--force-with-lease=refs/heads/{branch}:{commit_sha(was) if was else ''}",
            "--",
            remote.url,
            f"{commit}:refs/heads/{branch}",
            environment=remote.environment,
        )

    def branch(self, remote: Remote, branch: OwnBranch) -> CommitSha | None:
        """Return where a branch of perfbot stands at the remote, None where there is none."""
        what = f"find the branch {branch} of {remote.name}"
        names = ("--", remote.url, f"refs/heads/{own_branch(branch)}")
        listed = self._git(what, "ls-remote", "--quiet", *names, environment=remote.environment)
        return commit_sha(listed.split("\t")[0]) if listed else None

    @contextmanager
    def _index(self, commit: CommitSha) -> Iterator[dict[str, str]]:
        with TemporaryDirectory(prefix="index-", dir=self._path) as folder:
            environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git(f"read {commit}", "read-tree", commit, environment=environment)
            yield environment

    def _git(
        self,
        what: str,
        command: str,
        *arguments: str,
        given: bytes = b"",
        environment: Mapping[str, str] | None = None,
        to_the_end: bool = False,
    ) -> str:
        """Run Git on this directory and return what it prints; ``given`` is its input.

        A line feed at the end is left out, unless everything is wanted ``to_the_end``.
        """
        git = Git(self._path)
        git.update_environment(**{**self._surroundings(), **(environment or {})})
        with TemporaryFile() as source:
            source.write(given)
            source.seek(0)
            try:
                said = git.execute(
                    ["git", command, *arguments],
                    istream=source,
                    kill_after_timeout=_LIMIT_S,
                    stdout_as_string=False,
                    strip_newline_in_stdout=not to_the_end,
                )
            except CommandError as error:
                remote = "GIT_ALLOW_PROTOCOL" in (environment or {})
                raise _meant(what, error, remote) from None
        assert isinstance(said, bytes)
        return os.fsdecode(said)

    def _surroundings(self) -> dict[str, str]:
        """Say everything that Git could otherwise pick up from where perfbot was started.

        GitPython hands its own environment on, in which there may be keys: those are emptied, since
        nothing can be taken away.
        """
        emptied = {name: "" for name in os.environ if name not in _INHERITED}
        return {
            **emptied,
            **_configured(_SETTINGS),
            "HOME": os.devnull,
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_ASKPASS": "true",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_COMMON_DIR": str(self._path),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_PARAMETERS": "",
            "GIT_DEFAULT_HASH": "sha1",
            "GIT_DIR": str(self._path),
            "GIT_INDEX_FILE": str(self._path / "index"),
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OBJECT_DIRECTORY": str(self._path / "objects"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_WORK_TREE": str(self._path / "no-tree"),
        }


def _check_version(said: str) -> None:
    """An older Git would not read its settings, nor the token, from the environment."""
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_GIT:
        raise ForgeError(Trouble.REFUSED, OLD_GIT.format(found=said[:40]))


def _configured(settings: Mapping[str, str]) -> dict[str, str]:
    """Spell settings as Git reads them from its environment, where only this user can see them.

    https://git-scm.com/docs/git-config#ENVIRONMENT
    """
    pairs = {
        f"GIT_CONFIG_{part}_{place}": text
        for place, entry in enumerate(settings.items())
        for part, text in zip(("KEY", "VALUE"), entry, strict=True)
    }
    return {"GIT_CONFIG_COUNT": str(len(settings)), **pairs}


def _folders(path: str) -> Iterator[str]:
    """Yield the folders that a file lies in, innermost first."""
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def _signed(signature: Signature) -> dict[str, str]:
    moment = signature.moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    facts = {"NAME": signature.name, "EMAIL": signature.email, "DATE": moment}
    return {
        f"GIT_{who}_{name}": fact for who in ("AUTHOR", "COMMITTER") for name, fact in facts.items()
    }


def _without_ways_out(folder: Path) -> Iterator[str]:
    """Take away links that lead out of a folder, which would show perfbot files of its own machine."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            if path.is_symlink() and not _stays(path, folder):
                path.unlink()
                yield path.relative_to(folder).as_posix()


def _stays(link: Path, folder: Path) -> bool:
    try:
        return not link.readlink().is_absolute() and link.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):  # a circle of links
        return False


def _meant(what: str, error: CommandError, remote: bool) -> ForgeError:
    said = error.stderr if isinstance(error.stderr, str) else ""
    said = said.strip().removeprefix("stderr: '").removesuffix("'")  # GitPython's frame around it
    if isinstance(error, GitCommandNotFound):
        return ForgeError(Trouble.REFUSED, NO_GIT)
    fits = (trouble for pattern, trouble in _MEANING if pattern.search(said))
    trouble = next(fits, Trouble.UNREACHABLE) if remote else Trouble.REFUSED
    text = "".join(letter for letter in " ".join(said.split()) if letter.isprintable())
    why = text[:_LONGEST_REASON].rstrip(". ") or "it gave no reason"
    return ForgeError(trouble, FAILED.format(what=what, why=why, advice=ADVICE[trouble]))
