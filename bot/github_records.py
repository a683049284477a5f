"""PyGithub's objects as records of the seam; what GitHub leaves out gets its plain meaning."""

from github.Issue import Issue as GitHubIssue
from github.IssueComment import IssueComment
from github.NamedUser import NamedUser
from github.Organization import Organization
from github.PullRequest import PullRequest as GitHubPullRequest
from github.PullRequestPart import PullRequestPart

from perfbot.bot.forge import (
    Account,
    Annotation,
    Comment,
    Issue,
    PullRequest,
    RepositoryName,
    Side,
    State,
    commit_sha,
)

GHOST = Account(0, "ghost", person=False)  # how GitHub calls who has deleted their account


def account(user: NamedUser | Organization | None) -> Account:
    """Return who somebody is; a deleted account is called ghost, as on GitHub."""
    return Account(user.id, user.login, person=user.type == "User") if user else GHOST


def comment(said: IssueComment) -> Comment:
    """Return a comment with the number of what it was said under."""
    number = int(said.issue_url.rsplit("/", 1)[1])
    return Comment(
        said.id,
        number,
        account(said.user),
        said.body or "",
        said.created_at,
        said.updated_at,
        said.html_url,
    )


def pull_request(pull: GitHubPullRequest) -> PullRequest:
    """Return a pull request, from a list or on its own."""
    # A list does not say "merged", only when.
    merged = State.MERGED if pull.merged_at else State(pull.state)
    merge = pull.merge_commit_sha if pull.merged_at else None
    return PullRequest(
        number=pull.number,
        title=pull.title,
        body=pull.body or "",
        state=merged,
        draft=pull.draft,
        author=account(pull.user),
        head=side(pull.head),
        base=side(pull.base),
        labels=tuple(one.name for one in pull.labels),
        updated_at=pull.updated_at or pull.created_at,
        url=pull.html_url,
        merged_as=commit_sha(merge) if merge else None,
    )


def side(part: PullRequestPart) -> Side:
    """Return a head or a base; a deleted fork has no repository."""
    repository = RepositoryName.parsed(part.repo.full_name) if part.repo else None
    pushed_at = part.repo.pushed_at if part.repo else None
    return Side(repository, part.ref, commit_sha(part.sha), pushed_at)


def issue(issue: GitHubIssue) -> Issue:
    """Return an issue."""
    state = State(issue.state)
    body, author = issue.body or "", account(issue.user)
    return Issue(issue.number, issue.title, body, state, author, issue.html_url)


def annotation(one: Annotation) -> dict[str, str | int]:
    """Return how GitHub spells an annotation."""
    return {
        "path": one.path,
        "start_line": one.first,
        "end_line": one.last,
        "annotation_level": one.level,
        "title": one.title,
        "message": one.text,
    }
