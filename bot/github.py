"""A repository on GitHub, reached with one installation token: PyGithub behind the seam ``Forge``.

Every write looks first whether it stands already, writes once, and looks again when the answer is lost.
What is perfbot's own is told by the author, never by the mark alone: anybody can write a mark.
"""

import base64
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from github import InputGitTreeElement
from github.CheckRun import CheckRun
from github.GithubObject import NotSet
from github.GitRef import GitRef
from github.GitTree import GitTree
from github.Issue import Issue as GitHubIssue
from github.IssueComment import IssueComment

from perfbot.bot import github_records as records
from perfbot.bot.forge import (
    OWN_PREFIX,
    Change,
    Check,
    Comment,
    CommitSha,
    Comparison,
    FileChange,
    ForgeError,
    Issue,
    Marker,
    OwnBranch,
    Permission,
    PullRequest,
    PullRequestText,
    Reacted,
    Reaction,
    Repository,
    RepositoryName,
    State,
    Suggestion,
    Trouble,
    commit_sha,
)
from perfbot.bot.github_session import Site, asking

Found = TypeVar("Found")

_ANNOTATIONS_AT_ONCE = 50  # https://docs.github.com/rest/checks/runs#update-a-check-run
_REGULAR_MODE = "100644"
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}(\[bot\])?")

ELSEWHERE = "the branch {branch} stands at {found}, not at {expected}; look what was pushed there"
NO_FILE = "{path} is not a regular file of less than a megabyte in {commit}"
# How GitHub refuses drafts in private repositories of plans without them.
NO_DRAFTS = "Draft pull requests are not supported"


class GitHubRepository:
    """``Forge`` on GitHub; ``login`` is how the App signs (``slug[bot]``)."""

    def __init__(self, site: Site, token: str, name: RepositoryName, login: str) -> None:
        self._name = name
        self._login = login
        self._github = site.with_token(token)
        self._repo = self._github.get_repo(str(name))

    @property
    def name(self) -> RepositoryName:
        return self._name

    def repository(self) -> Repository:
        with asking(f"describe {self._name}"):
            found = self._github.get_repo(str(self._name))
            name = RepositoryName.parsed(found.full_name)
            return Repository(found.id, name, found.default_branch, found.private)

    def permission(self, login: str) -> Permission:
        if not _LOGIN.fullmatch(login):
            return Permission.NONE

        def ask() -> Permission:
            with asking(f"say what {login} may do in {self._name}"):
                return Permission(self._repo.get_collaborator_permission(login))

        return _unless_missing(ask) or Permission.NONE

    def file(self, path: str, commit: CommitSha) -> bytes | None:
        def ask() -> bytes:
            with asking(f"return {path} of {self._name}"):
                found = self._repo.get_contents(path, ref=commit)
                # A folder is a list; links and files over a megabyte come without a content.
                if isinstance(found, list) or (found.type, found.encoding) != ("file", "base64"):
                    raise ForgeError(Trouble.REFUSED, NO_FILE.format(path=path, commit=commit))
                return found.decoded_content

        return _unless_missing(ask)

    def branch(self, name: str) -> CommitSha | None:
        def ask() -> CommitSha:
            with asking(f"find the branch {name} of {self._name}"):
                return commit_sha(self._repo.get_git_ref(f"heads/{name}").object.sha)

        return _unless_missing(ask)

    def compare(self, base: str, head: str) -> Comparison:
        with asking(f"compare {base} with {head} in {self._name}"):
            found = self._repo.compare(base, head)
            merge_base = commit_sha(found.merge_base_commit.sha)
            return Comparison(merge_base, found.ahead_by, found.behind_by)

    def parent(self, commit: CommitSha) -> CommitSha | None:
        with asking(f"return the commit {commit} of {self._name}"):
            parents = self._repo.get_git_commit(commit).parents
            return commit_sha(parents[0].sha) if parents else None

    def pull_request(self, number: int) -> PullRequest:
        with asking(f"return pull request {number} of {self._name}"):
            return records.pull_request(self._repo.get_pull(number))

    def own_pull_requests(self) -> tuple[PullRequest, ...]:
        with asking(f"list perfbot's pull requests in {self._name}"):
            issues = self._repo.get_issues(state="all", creator=self._login)  # type: ignore[arg-type] # a login will do
            numbers = [issue.number for issue in issues if issue.pull_request]
        own = (self.pull_request(number) for number in numbers)
        return tuple(one for one in own if one.head.branch.startswith(OWN_PREFIX))

    def files(self, number: int) -> tuple[FileChange, ...]:
        with asking(f"list the files of pull request {number} of {self._name}"):
            return tuple(
                FileChange(
                    file.filename,
                    file.previous_filename,
                    file.status,
                    file.additions,
                    file.deletions,
                    file.patch or "",
                )
                for file in self._repo.get_pull(number).get_files()
            )

    def commits(self, number: int) -> tuple[CommitSha, ...]:
        with asking(f"list the commits of pull request {number} of {self._name}"):
            return tuple(commit_sha(one.sha) for one in self._repo.get_pull(number).get_commits())

    def comments(self, number: int) -> tuple[Comment, ...]:
        with asking(f"list the comments of {self._name}#{number}"):
            return tuple(
                records.comment(one) for one in self._repo.get_issue(number).get_comments()
            )

    def comment(self, number: int, comment: int) -> Comment | None:
        def ask() -> Comment:
            with asking(f"return comment {comment} of {self._name}"):
                found = self._repo.get_issue(number).get_comment(comment)
                found.update()
                return records.comment(found)

        return _unless_missing(ask)

    def comments_since(self, moment: datetime) -> tuple[Comment, ...]:
        with asking(f"list the comments in {self._name} since {moment:%Y-%m-%d %H:%M %Z}"):
            # PyGithub spells the hour as it is given, and calls it UTC.
            found = self._repo.get_issues_comments(since=moment.astimezone(UTC))
            return tuple(records.comment(one) for one in found)

    def reactions(self, number: int, comment: int) -> tuple[Reacted, ...]:
        with asking(f"list the reactions to comment {comment} of {self._name}"):
            found = self._repo.get_issue(number).get_comment(comment).get_reactions()
            return tuple(Reacted(records.account(one.user), one.content) for one in found)

    def react(self, number: int, comment: int, reaction: Reaction) -> None:
        # GitHub itself keeps one reaction of a kind per account, so this may simply be repeated.
        with asking(f"react to comment {comment} of {self._name}"):
            self._repo.get_issue(number).get_comment(comment).create_reaction(reaction)

    def say(self, number: int, mark: Marker, text: str) -> Comment:
        body, issue = _marked(text, mark), self._repo.get_issue(number)

        def find() -> IssueComment | None:
            with asking(f"list the comments of {self._name}#{number}"):
                return next((one for one in issue.get_comments() if self._own(one, mark)), None)

        def write() -> IssueComment:
            with asking(f"comment on {self._name}#{number}"):
                return issue.create_comment(body)

        found = _once(find, write)
        with asking(f"edit the comment {found.id} of {self._name}#{number}"):
            if found.body != body:
                found.edit(body)
            return records.comment(found)

    def _own(self, said: IssueComment | GitHubIssue, mark: Marker) -> bool:
        return (
            said.user is not None
            and said.user.login == self._login
            and (said.body or "").rstrip().endswith(mark)
        )

    def suggest(self, number: int, mark: Marker, suggestion: Suggestion) -> None:
        pull = self._repo.get_pull(number)

        def find() -> bool | None:
            with asking(f"list the review comments of {self._name}#{number}"):
                said = pull.get_review_comments()
                mine = (one.body for one in said if one.user and one.user.login == self._login)
                return any(body.rstrip().endswith(mark) for body in mine) or None

        def write() -> bool:
            several = suggestion.first < suggestion.last
            with asking(f"suggest a change to {suggestion.path} in {self._name}#{number}"):
                pull.create_review_comment(
                    _marked(suggestion.text, mark),
                    suggestion.commit,
                    suggestion.path,
                    line=suggestion.last,
                    side="RIGHT",
                    start_line=suggestion.first if several else NotSet,
                    start_side="RIGHT" if several else NotSet,
                )
            return True

        _once(find, write)

    def publish(self, branch: OwnBranch, change: Change, was: CommitSha | None) -> CommitSha:
        tree = self._tree(change)

        def find() -> CommitSha | None:
            stands = self.branch(branch)
            if stands is None or stands == was:
                return None
            if self._is(stands, change.parent, tree.sha):
                return stands
            words = ELSEWHERE.format(branch=branch, found=stands, expected=was or "no commit")
            raise ForgeError(Trouble.REFUSED, words)

        return _once(find, lambda: self._commit(branch, change, tree, was))

    def _is(self, stands: CommitSha, parent: CommitSha, tree: str) -> bool:
        with asking(f"return the commit {stands} of {self._name}"):
            commit = self._repo.get_git_commit(stands)
            return commit.tree.sha == tree and [one.sha for one in commit.parents] == [parent]

    def _tree(self, change: Change) -> GitTree:
        with asking(f"store the files of a commit in {self._name}"):
            base = self._repo.get_git_commit(change.parent).tree
            modes = _Modes(self._repo.get_git_tree, base.sha)
            elements = [
                InputGitTreeElement(path, modes.of(path), "blob", sha=self._blob(content))
                for path, content in change.files.items()
            ]
            return self._repo.create_git_tree(elements, base_tree=base)

    def _blob(self, content: bytes) -> str:
        return self._repo.create_git_blob(base64.b64encode(content).decode(), "base64").sha

    def _commit(
        self, branch: OwnBranch, change: Change, tree: GitTree, was: CommitSha | None
    ) -> CommitSha:
        """Commit without naming an author: GitHub signs only what its App did not sign otherwise."""
        with asking(f"write the branch {branch} of {self._name}"):
            parent = self._repo.get_git_commit(change.parent)
            made = commit_sha(self._repo.create_git_commit(change.message, tree, [parent]).sha)
            if was is None:
                self._repo.create_git_ref(f"refs/heads/{branch}", made)
            else:
                self._reference(branch).edit(made, force=True)
            return made

    def _reference(self, branch: OwnBranch) -> GitRef:
        """Ask for a reference before it is changed, which goes to the address in GitHub's answer."""
        found = self._repo.get_git_ref(f"heads/{branch}")
        found.update()
        return found

    def delete_branch(self, branch: OwnBranch) -> None:
        if self.branch(branch) is None:
            return
        try:
            with asking(f"delete the branch {branch} of {self._name}"):
                self._reference(branch).delete()
        except ForgeError:
            if self.branch(branch) is not None:
                raise

    def open_pull_request(self, text: PullRequestText) -> PullRequest:
        def find() -> PullRequest | None:
            with asking(f"list the pull requests of {text.branch} in {self._name}"):
                head = f"{self._name.owner}:{text.branch}"
                found = self._repo.get_pulls(state="all", head=head, base=text.base)
                both = [records.pull_request(one) for one in found]
            still_open = (one for one in both if one.state is State.OPEN)
            return next(still_open, both[0] if both else None)

        def write() -> PullRequest:
            try:
                return self._opened(text, text.draft)
            except ForgeError as error:
                if not (text.draft and NO_DRAFTS in str(error)):
                    raise
                return self._opened(text, draft=False)

        return _once(find, write)

    def _opened(self, text: PullRequestText, draft: bool) -> PullRequest:
        with asking(f"open a pull request from {text.branch} in {self._name}"):
            made = self._repo.create_pull(
                base=text.base, head=text.branch, title=text.title, body=text.body, draft=draft
            )
            return records.pull_request(made)

    def edit_pull_request(self, number: int, title: str, body: str) -> PullRequest:
        with asking(f"edit pull request {number} of {self._name}"):
            pull = self._repo.get_pull(number)
            pull.edit(title=title, body=body)
            return records.pull_request(pull)

    def close_pull_request(self, number: int) -> PullRequest:
        with asking(f"close pull request {number} of {self._name}"):
            pull = self._repo.get_pull(number)
            if pull.state == "open":
                pull.edit(state="closed")
            return records.pull_request(pull)

    def label(self, number: int, labels: Sequence[str]) -> None:
        # Labels are a set, so this may simply be repeated.
        with asking(f"label {self._name}#{number}"):
            # PyGithub sends a bare list, which GitHub's description does not know any more.
            address, wanted = (
                f"/repos/{self._name}/issues/{number}/labels",
                {"labels": list(labels)},
            )
            self._github.requester.requestJsonAndCheck("POST", address, input=wanted)

    def report(self, check: Check) -> None:
        def find() -> CheckRun | None:
            with asking(f"list the checks of {check.commit} in {self._name}"):
                runs = self._repo.get_commit(check.commit).get_check_runs(check_name=check.name)
                return next((one for one in runs if one.external_id == check.key), None)

        def write() -> CheckRun:
            with asking(f"create the check {check.name} in {self._name}"):
                return self._repo.create_check_run(
                    check.name, check.commit, external_id=check.key, status="in_progress"
                )

        run = _once(find, write)
        with asking(f"update the check {check.name} in {self._name}"):
            self._update(run, check)

    def _update(self, run: CheckRun, check: Check) -> None:
        """Send the annotations in portions, and the conclusion last; annotations only ever add up."""
        rest = list(check.annotations)[run.output.annotations_count if run.output else 0 :]
        while True:
            portion, rest = rest[:_ANNOTATIONS_AT_ONCE], rest[_ANNOTATIONS_AT_ONCE:]
            ended = check.conclusion if not rest else None
            run.edit(
                status="completed" if ended else "in_progress",
                conclusion=ended or NotSet,
                output={
                    "title": check.title,
                    "summary": check.summary,
                    "annotations": [records.annotation(one) for one in portion],
                },
            )
            if not rest:
                return

    def issue(self, number: int) -> Issue:
        with asking(f"return issue {number} of {self._name}"):
            return records.issue(self._repo.get_issue(number))

    def keep_issue(self, mark: Marker, title: str, text: str, labels: Sequence[str]) -> Issue:
        body = _marked(text, mark)

        def find() -> GitHubIssue | None:
            with asking(f"list the issues of {self._name}"):
                issues = self._repo.get_issues(state="open", creator=self._login)  # type: ignore[arg-type] # a login will do
                return next((one for one in issues if self._own(one, mark)), None)

        def write() -> GitHubIssue:
            with asking(f"open an issue in {self._name}"):
                return self._repo.create_issue(title, body, labels=list(labels))

        found = _once(find, write)
        with asking(f"edit issue {found.number} of {self._name}"):
            if (found.title, found.body) != (title, body):
                found.edit(title=title, body=body)
            return records.issue(found)


def _once(find: Callable[[], Found | None], write: Callable[[], Found]) -> Found:
    """Return what stands already, or write it; a write whose outcome is unclear is looked for again."""
    found = find()
    if found is not None:
        return found
    try:
        return write()
    except ForgeError as error:
        # REFUSED may mean that somebody, such as an earlier try of ours, was faster.
        if error.trouble not in {Trouble.UNREACHABLE, Trouble.REFUSED}:
            raise
        found = find()
        if found is None:
            raise
        return found


def _unless_missing(ask: Callable[[], Found]) -> Found | None:
    try:
        return ask()
    except ForgeError as error:
        if error.trouble is Trouble.MISSING:
            return None
        raise


class _Modes:
    """The modes of files in a tree, asked folder by folder: a whole large tree comes cut off."""

    def __init__(self, tree: Callable[[str], GitTree], root: str) -> None:
        self._ask = tree
        self._root = root
        self._folders: dict[str, dict[str, tuple[str, str]]] = {}

    def of(self, path: str) -> str:
        """Return the mode of a file, or that of a plain file for one that is new."""
        folder, name = self._root, path
        while "/" in name:
            first, name = name.split("/", 1)
            folder = self._entries(folder).get(first, ("", ""))[1]
            if not folder:
                return _REGULAR_MODE
        return self._entries(folder).get(name, (_REGULAR_MODE, ""))[0]

    def _entries(self, sha: str) -> dict[str, tuple[str, str]]:
        if sha not in self._folders:
            self._folders[sha] = {one.path: (one.mode, one.sha) for one in self._ask(sha).tree}
        return self._folders[sha]


def _marked(text: str, mark: Marker) -> str:
    return f"{text.rstrip()}\n\n{mark}"
