"""State as GitHub spells it in JSON; what the description also requires is filled in by contract.py."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hosted import (
    AppRecord,
    Bare,
    Check,
    Comment,
    Delivery,
    Hosted,
    Installation,
    Person,
    Run,
    Thread,
    Token,
)

ROLES = {"admin": "admin", "maintain": "write", "write": "write", "triage": "read", "read": "read"}
STATUS = {"A": "added", "M": "modified", "D": "removed", "R": "renamed", "T": "changed"}
HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
Shape = dict[str, object]


def moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def person(who: Person) -> Shape:
    return {"login": who.login, "id": who.id, "type": who.kind}


def token(made: Token, repositories: list[Shape]) -> Shape:
    return {
        "token": made.value,
        "expires_at": moment(made.expires_at),
        "permissions": dict(made.permissions),
        "repository_selection": "selected",
        "repositories": repositories,
    }


def app(record: AppRecord) -> Shape:
    return {
        "id": record.id,
        "slug": record.slug,
        "name": record.slug,
        "permissions": dict(record.permissions),
        "events": ["issue_comment"],
    }


def delivery(one: Delivery) -> Shape:
    return {
        "id": one.id,
        "guid": one.guid,
        "event": one.event,
        "action": one.action,
        "status": one.status,
        "status_code": one.status_code,
        "delivered_at": moment(one.delivered_at),
        "redelivery": one.redelivery,
        "duration": 0.1,
    }


def permission(who: Person, role: str) -> Shape:
    return {
        "permission": ROLES.get(role, "none"),
        "role_name": role,
        "user": {**person(who), "permissions": {}},
    }


@dataclass(frozen=True)
class Shapes:
    """Shapes with addresses: ``api`` and ``web`` are where this GitHub answers."""

    api: str
    web: str

    def repository(self, hosted: Hosted, owner: Person) -> Shape:
        return {
            "id": hosted.id,
            "name": hosted.name,
            "full_name": hosted.full_name,
            "private": hosted.private,
            "owner": person(owner),
            "url": self.at(hosted),
            "html_url": f"{self.web}/{hosted.full_name}",
            "clone_url": f"{self.web}/{hosted.full_name}.git",
            "default_branch": hosted.default_branch,
            "pushed_at": moment(hosted.pushed_at),
        }

    def at(self, hosted: Hosted, *parts: object) -> str:
        return "/".join([f"{self.api}/repos/{hosted.full_name}", *map(str, parts)])

    def installation(self, one: Installation) -> Shape:
        return {
            "id": one.id,
            "account": person(one.account),
            "app_id": one.app.id,
            "app_slug": one.app.slug,
            "target_type": "User",
            "permissions": dict(one.app.permissions),
            "access_tokens_url": f"{self.api}/app/installations/{one.id}/access_tokens",
        }

    def reference(self, hosted: Hosted, name: str, sha: str) -> Shape:
        target = {"type": "commit", "sha": sha, "url": self.at(hosted, "git/commits", sha)}
        return {"ref": name, "url": self.at(hosted, "git", name), "object": target}

    def git_commit(self, hosted: Hosted, sha: str) -> Shape:
        shown = hosted.bare.git("show", "--no-patch", "--format=%T%n%P%n%an%n%ae%n%cI%n%B", sha)
        tree, parents, name, email, date, *message = shown.split("\n")
        author = {"name": name, "email": email, "date": date}
        return {
            "sha": sha,
            "url": self.at(hosted, "git/commits", sha),
            "message": "\n".join(message).strip(),
            "tree": {"sha": tree, "url": self.at(hosted, "git/trees", tree)},
            "parents": [
                {"sha": one, "url": self.at(hosted, "git/commits", one)} for one in parents.split()
            ],
            "author": author,
            "committer": author,
        }

    def commit(self, hosted: Hosted, sha: str) -> Shape:
        inner = self.git_commit(hosted, sha)
        return {
            "sha": sha,
            "url": self.at(hosted, "commits", sha),
            "parents": inner["parents"],
            "commit": {
                "message": inner["message"],
                "author": inner["author"],
                "tree": inner["tree"],
            },
        }

    def thread(self, hosted: Hosted, one: Thread) -> Shape:
        shape = {**self._common(hosted, one), "url": self.at(hosted, "issues", one.number)}
        shape["repository_url"] = self.at(hosted)
        shape["comments"] = sum(each.number == one.number for each in hosted.comments.values())
        if one.pull:
            shape["pull_request"] = {"url": self.at(hosted, "pulls", one.number)}
        return shape

    def _common(self, hosted: Hosted, one: Thread) -> Shape:
        kind = "pull" if one.pull else "issues"
        return {
            "id": one.id,
            "number": one.number,
            "title": one.title,
            "body": one.body,
            "state": one.state,
            "user": person(one.author),
            "labels": [label(name) for name in one.labels],
            "created_at": moment(one.created_at),
            "updated_at": moment(one.updated_at),
            "closed_at": moment(one.updated_at) if one.state == "closed" else None,
            "html_url": f"{self.web}/{hosted.full_name}/{kind}/{one.number}",
            "comments_url": self.at(hosted, "issues", one.number, "comments"),
            "author_association": "NONE",
        }

    def pull(self, hosted: Hosted, one: Thread, full: bool) -> Shape:
        part = one.pull
        assert part
        shape = {
            **self._common(hosted, one),
            "url": self.at(hosted, "pulls", one.number),
            "issue_url": self.at(hosted, "issues", one.number),
            "draft": part.draft,
            "head": self._side(part.head, part.head_owner, part.head_ref, part.head_sha),
            "base": self._side(
                hosted, hosted.owner, part.base_ref, hosted.bare.branch(part.base_ref) or ""
            ),
            "merged_at": moment(one.updated_at) if part.merged else None,
            "merge_commit_sha": part.merged_as,
        }
        return {**shape, "merged": part.merged} if full else shape

    def _side(self, hosted: Hosted | None, owner: str, reference: str, sha: str) -> Shape:
        who = Person(owner, 1)
        return {
            "label": f"{owner}:{reference}",
            "ref": reference,
            "sha": sha,
            "user": person(who),
            "repo": self.repository(hosted, who) if hosted else None,
        }

    def run(self, hosted: Hosted, one: Run) -> Shape:
        """GitHub names no pull requests of a run whose branch lies in a fork."""
        source = self.repository(one.head, Person(one.head.owner, 1)) if one.head else None
        return {
            "id": one.id,
            "event": one.event,
            "head_sha": one.head_sha,
            "head_branch": one.head_branch,
            "head_repository": source,
            "repository": self.repository(hosted, Person(hosted.owner, 1)),
            "pull_requests": [],
            "status": "completed",
            "url": self.at(hosted, "actions", "runs", one.id),
        }

    def comment(self, hosted: Hosted, one: Comment, record: AppRecord | None) -> Shape:
        kind = "pull" if hosted.threads[one.number].pull else "issues"
        return {
            "id": one.id,
            "body": one.body,
            "user": person(one.author),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.updated_at),
            "url": self.at(hosted, "issues/comments", one.id),
            "html_url": f"{self.web}/{hosted.full_name}/{kind}/{one.number}#issuecomment-{one.id}",
            "issue_url": self.at(hosted, "issues", one.number),
            "author_association": "NONE",
            "performed_via_github_app": app(record) if record else None,
        }

    def review_comment(self, hosted: Hosted, one: Comment) -> Shape:
        return {
            "id": one.id,
            "body": one.body,
            "user": person(one.author),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.updated_at),
            "url": self.at(hosted, "pulls/comments", one.id),
            "html_url": f"{self.web}/{hosted.full_name}/pull/{one.number}#discussion_r{one.id}",
            "pull_request_url": self.at(hosted, "pulls", one.number),
            "original_commit_id": one.place["commit_id"],
            "author_association": "NONE",
            **one.place,
        }

    def check(self, hosted: Hosted, one: Check, record: AppRecord) -> Shape:
        output = {"title": None, "summary": None, "text": None} | dict(
            one.known.get("output") or {}
        )
        output |= {
            "annotations_count": len(one.annotations),
            "annotations_url": self.at(hosted, "check-runs", one.id, "annotations"),
        }
        output.pop("annotations", None)
        return {
            "status": "queued", "conclusion": None, "external_id": "", "details_url": None,
            "started_at": None, "completed_at": None,
            **one.known,
            "id": one.id, "name": one.name, "head_sha": one.head_sha, "output": output,
            "url": self.at(hosted, "check-runs", one.id), "html_url": None,
            "app": app(record), "pull_requests": [], "check_suite": {"id": one.id},
        }  # fmt: skip


def label(name: str) -> Shape:
    return {
        "name": name,
        "color": "ededed",
        "id": int(hashlib.sha256(name.encode()).hexdigest()[:8], 16),
    }


def files(bare: Bare, base: str, head: str) -> list[Shape]:
    """Return the changed files between two commits with their hunks, as GitHub lists them."""
    fields = bare.git("diff", "--name-status", "-z", "-M", base, head).split("\0")
    found: list[Shape] = []
    while len(fields) > 1:
        status = fields.pop(0)
        before = fields.pop(0)
        after = fields.pop(0) if status[0] in "RC" else before
        found.append(_file(bare, base, head, status[0], before, after))
    return found


def _file(bare: Bare, base: str, head: str, status: str, before: str, after: str) -> Shape:
    text = bare.git("diff", "-M", base, head, "--", before, after)
    start = text.find("@@ ")
    lines = text[start:].split("\n") if start >= 0 else []
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    shape: Shape = {
        "filename": after,
        "status": STATUS[status],
        "additions": added,
        "deletions": removed,
        "changes": added + removed,
        "sha": bare.sha(f"{head}:{after}") or bare.sha(f"{base}:{before}"),
    }
    if lines:
        shape["patch"] = "\n".join(lines)
    if status == "R":
        shape["previous_filename"] = before
    return shape


def commentable(patch: str) -> set[int]:
    """Return the lines of the new side that a hunk shows; only these can be commented."""
    shown: set[int] = set()
    for hunk in HUNK.finditer(patch):
        start, length = int(hunk[1]), int(hunk[2] or 1)
        shown.update(range(start, start + length))
    return shown


def first(mapping: Mapping[str, object], *names: str) -> Shape:
    """Return those of the named entries that are there."""
    return {name: mapping[name] for name in names if name in mapping}
