"""What the local GitHub keeps: repositories in real bare Git, and everything that is said about them."""

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@example.org"))
}

PRE_RECEIVE = """#!/bin/sh
# Without the permission, GitHub lets an App push no change of a workflow file.
[ "$MAY_CHANGE_WORKFLOWS" = 0 ] || exit 0
while read old new name; do
    [ -n "${new##*[!0]*}" ] && continue
    changed=$(git log --format= --name-only "$new" --not --all -- .github/workflows | head -1)
    [ -z "$changed" ] && continue
    echo "refusing to allow a GitHub App to create or update workflow '$changed'" \\
        "without 'workflows' permission"
    exit 1
done
"""


class GitFailedError(Exception):
    """Git said no."""


@dataclass(frozen=True)
class Bare:
    """A bare repository, asked by real Git."""

    path: Path

    @classmethod
    def new(cls, path: Path) -> "Bare":
        bare = cls(path)
        path.mkdir(parents=True)
        bare.git("init", "--quiet", "--bare", "--initial-branch=main", ".")
        bare.git("config", "http.receivepack", "true")
        bare.git("config", "uploadpack.allowAnySHA1InWant", "true")
        bare.git("config", "receive.hideRefs", "refs/pull")
        (path / "hooks" / "pre-receive").write_text(PRE_RECEIVE)
        (path / "hooks" / "pre-receive").chmod(0o755)
        return bare

    def git(
        self, *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> str:
        return self.raw(*arguments, given=given, environment=environment).decode().strip()

    def raw(
        self, *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        base = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.path)}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=base | IDENTITY | dict(environment or {}),
            input=given,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise GitFailedError(done.stderr.decode())
        return done.stdout

    def sha(self, name: str) -> str | None:
        try:
            return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", name) or None
        except GitFailedError:
            return None

    def branch(self, name: str) -> str | None:
        return self.sha(f"refs/heads/{name}")

    def commit(
        self,
        files: Mapping[str, bytes | str],
        branch: str = "main",
        message: str = "A change",
        onto: str | None = None,
    ) -> str:
        """Add files to a branch as a push would, and return the commit; ``onto`` starts a branch."""
        parent = self.branch(branch) or (self.sha(onto) if onto else None)
        index = {"GIT_INDEX_FILE": str(self.path / f"index-{secrets.token_hex(4)}")}
        if parent:
            self.git("read-tree", parent, environment=index)
        for path, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            blob = self.git("hash-object", "-w", "--stdin", given=raw)
            self.git(
                "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", environment=index
            )
        tree = self.git("write-tree", environment=index)
        parents = ("-p", parent) if parent else ()
        made = self.git("commit-tree", tree, *parents, "-m", message)
        self.git("update-ref", f"refs/heads/{branch}", made)
        return made


@dataclass
class Person:
    """An account."""

    login: str
    id: int
    kind: str = "User"


@dataclass
class Comment:
    """A comment on an issue or pull request, or on a line of a diff when ``place`` is given."""

    id: int
    number: int
    author: Person
    body: str
    created_at: datetime
    updated_at: datetime
    app_id: int | None = None
    place: Mapping[str, object] = field(default_factory=dict)
    reactions: list[tuple[int, Person, str]] = field(default_factory=list)


@dataclass
class PullPart:
    """What an issue has more when it is a pull request."""

    head: "Hosted | None"
    head_owner: str
    head_ref: str
    head_sha: str
    base_ref: str
    draft: bool
    merged: bool = False
    merged_as: str | None = None
    merged_from: str | None = None


@dataclass
class Thread:
    """An issue; a pull request when it has the part."""

    number: int
    id: int
    title: str
    body: str | None
    author: Person
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    reactions: list[tuple[int, Person, str]] = field(default_factory=list)
    pull: PullPart | None = None


@dataclass
class Check:
    """A check run."""

    id: int
    name: str
    head_sha: str
    known: dict[str, object]
    annotations: list[Mapping[str, object]] = field(default_factory=list)


@dataclass
class Run:
    """A run of a workflow for a pull request; ``head`` is None when its fork was deleted."""

    id: int
    event: str
    head_sha: str
    head_branch: str
    head: "Hosted | None"


@dataclass
class Hosted:
    """A repository with its issues; ``people`` maps logins to admin, maintain, write, triage, read."""

    owner: str
    name: str
    id: int
    bare: Bare
    private: bool = True
    people: dict[str, str] = field(default_factory=dict)
    threads: dict[int, Thread] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    review_comments: dict[int, Comment] = field(default_factory=dict)
    checks: dict[int, Check] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    default_branch: str = "main"
    pushed_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    drafts: bool = True

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def pulls(self) -> Iterator[Thread]:
        for thread in list(self.threads.values()):  # requests add to them
            if thread.pull:
                self._follow(thread.number, thread)
                yield thread

    def merge(self, number: int) -> str:
        """Merge a pull request as its button does, with a merge commit; return that."""
        thread = self.followed(number)
        assert thread
        assert thread.pull
        part, base = thread.pull, self.bare.branch(thread.pull.base_ref)
        tree = self.bare.git("merge-tree", "--write-tree", str(base), part.head_sha)
        parents = ("-p", str(base), "-p", part.head_sha)
        merged = self.bare.git("commit-tree", tree, *parents, "-m", f"Merge #{number}")
        self.bare.git("update-ref", f"refs/heads/{part.base_ref}", merged)
        part.merged_from = self.bare.git("merge-base", str(base), part.head_sha)
        part.merged, part.merged_as, thread.state = True, merged, "closed"
        thread.updated_at = datetime.now(UTC)
        return merged

    def _follow(self, number: int, thread: Thread) -> None:
        """Bring a pull request up to what has been pushed since; a deleted branch leaves it as it was."""
        pull = thread.pull
        if pull is None or thread.state != "open" or pull.head is None:
            return
        sha = pull.head.bare.branch(pull.head_ref)
        if sha and (sha != pull.head_sha or not self.bare.sha(f"refs/pull/{number}/head")):
            source = str(pull.head.bare.path)
            self.bare.git("fetch", "--quiet", source, f"+{sha}:refs/pull/{number}/head")
            pull.head_sha = sha

    def followed(self, number: int) -> Thread | None:
        thread = self.threads.get(number)
        if thread:
            self._follow(number, thread)
        return thread


@dataclass
class Token:
    """An installation's token with what it may do, in which repositories."""

    value: str
    installation_id: int
    repository_ids: Sequence[int]
    permissions: Mapping[str, str]
    expires_at: datetime
    revoked: bool = False

    @property
    def dead(self) -> bool:
        return self.revoked or self.expires_at < datetime.now(UTC)


@dataclass
class AppRecord:
    """A registered GitHub App with its public key in PEM."""

    id: int
    slug: str
    public_key: bytes
    permissions: Mapping[str, str]

    @property
    def bot(self) -> Person:
        return Person(f"{self.slug}[bot]", 900_000 + self.id, "Bot")


@dataclass
class Installation:
    """An App in an account, with the repositories that it was given."""

    id: int
    app: AppRecord
    account: Person
    repository_ids: list[int]


@dataclass
class Delivery:
    """A webhook delivery as the App's log shows it."""

    id: int
    guid: str
    event: str
    action: str | None
    status: str
    status_code: int
    delivered_at: datetime
    redelivery: bool = False


@dataclass
class World:
    """Everything that there is; numbers are given out once."""

    folder: Path
    people: dict[str, Person] = field(default_factory=dict)
    repositories: dict[str, Hosted] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    apps: dict[int, AppRecord] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    send: Callable[[Delivery], bool] = lambda _delivery: True
    manifest_codes: dict[str, dict[str, object]] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1001))

    def person(self, login: str, kind: str = "User") -> Person:
        return self.people.setdefault(login, Person(login, next(self.ids), kind))

    def repository(
        self, full_name: str, files: Mapping[str, bytes | str], private: bool = True
    ) -> Hosted:
        owner, name = full_name.split("/")
        bare = Bare.new(self.folder / f"{owner}__{name}.git")
        made = Hosted(owner, name, next(self.ids), bare, private, {owner: "admin"})
        self.person(owner)
        self.repositories[full_name.lower()] = made
        if files:
            bare.commit(files, message="First")
        return made

    def fork(self, origin: Hosted, owner: str) -> Hosted:
        made = self.repository(f"{owner}/{origin.name}", {}, origin.private)
        made.bare.git("fetch", "--quiet", str(origin.bare.path), "+refs/heads/*:refs/heads/*")
        return made

    def find(self, owner: str, name: str) -> Hosted | None:
        return self.repositories.get(f"{owner}/{name}".lower())

    def by_id(self, number: int) -> Hosted | None:
        return next((one for one in self.repositories.values() if one.id == number), None)

    def installation_in(self, hosted: Hosted, app: AppRecord | None = None) -> Installation | None:
        for installation in self.installations.values():
            if hosted.id in installation.repository_ids and app in (None, installation.app):
                return installation
        return None

    def mint(
        self,
        installation: Installation,
        repository_ids: Sequence[int],
        permissions: Mapping[str, str],
        life: timedelta = timedelta(hours=1),
    ) -> Token:
        value = "ghs_" + secrets.token_hex(18)
        token = Token(value, installation.id, repository_ids, permissions, datetime.now(UTC) + life)
        self.tokens[value] = token
        return token

    def thread(self, hosted: Hosted, author: Person, title: str, body: str | None) -> Thread:
        number = max(hosted.threads, default=0) + 1
        now = datetime.now(UTC)
        made = Thread(number, next(self.ids), title, body, author, now, now)
        hosted.threads[number] = made
        return made

    def pull(
        self,
        hosted: Hosted,
        author: Person,
        title: str,
        body: str | None,
        part: PullPart,
    ) -> Thread:
        made = self.thread(hosted, author, title, body)
        made.pull = part
        hosted.followed(made.number)
        return made

    def react(self, to: "Comment | Thread", who: Person, reaction: str) -> None:
        to.reactions.append((next(self.ids), who, reaction))

    def comment(
        self,
        hosted: Hosted,
        number: int,
        author: Person,
        body: str,
        app: AppRecord | None = None,
    ) -> Comment:
        now = datetime.now(UTC)
        made = Comment(
            next(self.ids), number, author, body, now, now, app_id=app.id if app else None
        )
        hosted.comments[made.id] = made
        return made
