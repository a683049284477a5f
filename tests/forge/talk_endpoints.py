"""What is said: pull requests, issues, comments, reactions, suggestions, check runs."""

from collections.abc import Iterable
from datetime import UTC, datetime

from endpoint import REPO, Answer, Call, endpoint
from hosted import Check, Comment, Hosted, PullPart, Thread
from rights import RefusedError
from shapes import commentable, files, first, label, moment, person

ISSUE, PULL = "issues", "pull_requests"
EITHER_READ = f"{ISSUE}:read|{PULL}:read"
EITHER_WRITE = f"{ISSUE}:write|{PULL}:write"


def invalid(resource: str, **facts: str) -> RefusedError:
    return RefusedError(422, "Validation Failed", [{"resource": resource, **facts}])


@endpoint("GET", REPO + "/pulls", PULL + ":read")
def list_pulls(call: Call) -> Answer:
    state = call.request.args.get("state", "open")
    head, base = call.request.args.get("head"), call.request.args.get("base")
    chosen = [
        one for one in call.hosted.pulls() if state in ("all", one.state) and _fits(one, head, base)
    ]
    chosen.sort(key=lambda one: -one.number)
    return call.page([call.shapes.pull(call.hosted, one, full=False) for one in chosen])


def _fits(one: Thread, head: str | None, base: str | None) -> bool:
    part = one.pull
    assert part
    # GitHub ignores a head without an owner instead of finding nothing.
    wanted = head if head and ":" in head else None
    return wanted in (None, f"{part.head_owner}:{part.head_ref}") and base in (None, part.base_ref)


@endpoint("POST", REPO + "/pulls", PULL + ":write")
def create_pull(call: Call) -> Answer:
    body, hosted = call.body, call.hosted
    owner, _, reference = str(body["head"]).rpartition(":")
    source = hosted if owner in ("", hosted.owner) else call.world.find(owner, hosted.name)
    sha = source.bare.branch(reference) if source else None
    if source is None or sha is None:
        raise invalid("PullRequest", field="head", code="invalid")
    base = hosted.bare.branch(str(body["base"]))
    if base is None:
        raise invalid("PullRequest", field="base", code="invalid")
    label_of_head = f"{source.owner}:{reference}"
    if any(
        one.state == "open" and _fits(one, label_of_head, str(body["base"]))
        for one in hosted.pulls()
    ):
        message = f"A pull request already exists for {label_of_head}."
        raise invalid("PullRequest", code="custom", message=message)
    hosted.bare.git("fetch", "--quiet", str(source.bare.path), sha)
    if hosted.bare.git("merge-base", base, sha) == sha:
        message = f"No commits between {body['base']} and {reference}"
        raise invalid("PullRequest", code="custom", message=message)
    if body.get("draft") and not hosted.drafts:
        raise RefusedError(422, "Draft pull requests are not supported in this repository.")
    part = PullPart(
        source, source.owner, reference, sha, str(body["base"]), bool(body.get("draft"))
    )
    made = call.world.pull(hosted, call.author, str(body["title"]), body.get("body"), part)
    return Answer(201, call.shapes.pull(hosted, made, full=True))


@endpoint("GET", REPO + "/pulls/{pull_number}", PULL + ":read")
def get_pull(call: Call) -> Answer:
    return Answer(200, call.shapes.pull(call.hosted, call.thread("pull_number", True), full=True))


@endpoint("PATCH", REPO + "/pulls/{pull_number}", PULL + ":write")
def update_pull(call: Call) -> Answer:
    one = call.thread("pull_number", True)
    _edit(one, call)
    if "base" in call.body and one.pull:
        one.pull.base_ref = str(call.body["base"])
    return Answer(200, call.shapes.pull(call.hosted, one, full=True))


def _edit(one: Thread, call: Call) -> None:
    for name, value in first(call.body, "title", "body", "state").items():
        setattr(one, name, value)
    one.updated_at = datetime.now(UTC)


def _merge_base(hosted: Hosted, one: Thread) -> str:
    assert one.pull
    if one.pull.merged_from:
        return one.pull.merged_from
    return hosted.bare.git("merge-base", f"refs/heads/{one.pull.base_ref}", one.pull.head_sha)


@endpoint("GET", REPO + "/pulls/{pull_number}/files", PULL + ":read")
def list_files(call: Call) -> Answer:
    one = call.thread("pull_number", True)
    assert one.pull
    return call.page(files(call.hosted.bare, _merge_base(call.hosted, one), one.pull.head_sha))


@endpoint("GET", REPO + "/pulls/{pull_number}/commits", PULL + ":read")
def list_commits(call: Call) -> Answer:
    one = call.thread("pull_number", True)
    assert one.pull
    span = f"{_merge_base(call.hosted, one)}..{one.pull.head_sha}"
    shas = call.hosted.bare.git("rev-list", "--reverse", span).split()
    return call.page([call.shapes.commit(call.hosted, sha) for sha in shas])


@endpoint("GET", REPO + "/pulls/{pull_number}/comments", PULL + ":read")
def list_review_comments(call: Call) -> Answer:
    one = call.thread("pull_number", True)
    said = [each for each in call.hosted.review_comments.values() if each.number == one.number]
    return call.page([call.shapes.review_comment(call.hosted, each) for each in said])


@endpoint("POST", REPO + "/pulls/{pull_number}/comments", PULL + ":write")
def create_review_comment(call: Call) -> Answer:
    one, body = call.thread("pull_number", True), call.body
    commit = call.commit(body["commit_id"])
    shown = _shown_lines(call, one, commit, str(body["path"]))
    for name in ("line", "start_line"):
        if name in body and body[name] not in shown:
            field = f"pull_request_review_thread.{name}"
            message = "could not be resolved"
            raise invalid("PullRequestReviewComment", code="custom", field=field, message=message)
    now = datetime.now(UTC)
    place = first(body, "path", "line", "side", "start_line", "start_side") | {"commit_id": commit}
    made = Comment(
        next(call.world.ids),
        one.number,
        call.author,
        str(body["body"]),
        now,
        now,
        call.app.id,
        place,
    )
    call.hosted.review_comments[made.id] = made
    return Answer(201, call.shapes.review_comment(call.hosted, made))


def _shown_lines(call: Call, one: Thread, commit: str, path: str) -> set[int]:
    changed = files(call.hosted.bare, _merge_base(call.hosted, one), commit)
    patches = [str(each.get("patch", "")) for each in changed if each["filename"] == path]
    if not patches:
        raise invalid("PullRequestReviewComment", code="invalid", field="path")
    return commentable(patches[0])


@endpoint("GET", REPO + "/issues", ISSUE + ":read")
def list_issues(call: Call) -> Answer:
    """List issues, and pull requests with them, as GitHub does."""
    wanted = call.request.args
    labels = set(filter(None, wanted.get("labels", "").split(",")))
    chosen = [
        one
        for one in call.hosted.threads.values()
        if wanted.get("state", "open") in ("all", one.state)
        and wanted.get("creator") in (None, one.author.login)
        and labels <= set(one.labels)
    ]
    chosen.sort(key=lambda one: -one.number)
    return call.page([call.shapes.thread(call.hosted, one) for one in chosen])


@endpoint("POST", REPO + "/issues", ISSUE + ":write")
def create_issue(call: Call) -> Answer:
    made = call.world.thread(
        call.hosted, call.author, str(call.body["title"]), call.body.get("body")
    )
    made.labels = [str(one) for one in call.body.get("labels", [])]
    return Answer(201, call.shapes.thread(call.hosted, made))


@endpoint("GET", REPO + "/issues/{issue_number}", EITHER_READ)
def get_issue(call: Call) -> Answer:
    return Answer(200, call.shapes.thread(call.hosted, call.thread("issue_number")))


@endpoint("PATCH", REPO + "/issues/{issue_number}", EITHER_WRITE)
def update_issue(call: Call) -> Answer:
    one = call.thread("issue_number")
    _edit(one, call)
    return Answer(200, call.shapes.thread(call.hosted, one))


@endpoint("POST", REPO + "/issues/{issue_number}/labels", EITHER_WRITE)
def add_labels(call: Call) -> Answer:
    one = call.thread("issue_number")
    wanted = call.body["labels"] if isinstance(call.body, dict) else call.body
    one.labels = list(dict.fromkeys([*one.labels, *map(str, wanted)]))
    return Answer(200, [label(name) for name in one.labels])


def _comment(call: Call, one: Comment) -> dict[str, object]:
    return call.shapes.comment(call.hosted, one, call.world.apps.get(one.app_id or -1))


def _since(call: Call, said: Iterable[Comment]) -> list[Comment]:
    since = call.request.args.get("since")
    if since is None:
        return list(said)
    return [one for one in said if moment(one.updated_at) >= since]


@endpoint("GET", REPO + "/issues/{issue_number}/comments", EITHER_READ)
def list_comments(call: Call) -> Answer:
    number = call.thread("issue_number").number
    said = (one for one in call.hosted.comments.values() if one.number == number)
    return call.page([_comment(call, one) for one in _since(call, said)])


@endpoint("GET", REPO + "/issues/comments", EITHER_READ)
def list_all_comments(call: Call) -> Answer:
    said = _since(call, call.hosted.comments.values())
    return call.page([_comment(call, one) for one in said])


@endpoint("POST", REPO + "/issues/{issue_number}/comments", EITHER_WRITE)
def create_comment(call: Call) -> Answer:
    number = call.thread("issue_number").number
    made = call.world.comment(call.hosted, number, call.author, str(call.body["body"]), call.app)
    return Answer(201, _comment(call, made))


def _said(call: Call) -> Comment:
    found = call.hosted.comments.get(int(str(call.named["comment_id"])))
    if found is None:
        raise RefusedError(404, "Not Found")
    return found


@endpoint("GET", REPO + "/issues/comments/{comment_id}", EITHER_READ)
def get_comment(call: Call) -> Answer:
    return Answer(200, _comment(call, _said(call)))


@endpoint("PATCH", REPO + "/issues/comments/{comment_id}", EITHER_WRITE)
def update_comment(call: Call) -> Answer:
    one = _said(call)
    one.body, one.updated_at = str(call.body["body"]), datetime.now(UTC)
    return Answer(200, _comment(call, one))


@endpoint("GET", REPO + "/issues/comments/{comment_id}/reactions", EITHER_READ)
def list_reactions(call: Call) -> Answer:
    return call.page([_reaction(*one) for one in _said(call).reactions])


@endpoint("GET", REPO + "/issues/{issue_number}/reactions", EITHER_READ)
def list_reactions_to_thread(call: Call) -> Answer:
    return call.page([_reaction(*one) for one in call.thread("issue_number").reactions])


@endpoint("GET", REPO + "/pulls/comments/{comment_id}/reactions", PULL + ":read")
def list_reactions_to_review_comment(call: Call) -> Answer:
    found = call.hosted.review_comments.get(int(str(call.named["comment_id"])))
    if found is None:
        raise RefusedError(404, "Not Found")
    return call.page([_reaction(*one) for one in found.reactions])


@endpoint("POST", REPO + "/issues/comments/{comment_id}/reactions", EITHER_WRITE)
def react(call: Call) -> Answer:
    one, content = _said(call), str(call.body["content"])
    for old in one.reactions:
        if (old[1].login, old[2]) == (call.author.login, content):
            return Answer(200, _reaction(*old))
    made = (next(call.world.ids), call.author, content)
    one.reactions.append(made)
    return Answer(201, _reaction(*made))


def _reaction(number: int, who: object, content: str) -> dict[str, object]:
    return {"id": number, "user": person(who), "content": content}


@endpoint("POST", REPO + "/check-runs", "checks:write")
def create_check(call: Call) -> Answer:
    sha = call.commit(call.body["head_sha"])
    made = Check(next(call.world.ids), str(call.body["name"]), sha, {})
    _report(made, call)
    call.hosted.checks[made.id] = made
    return Answer(201, call.shapes.check(call.hosted, made, call.app))


def _report(one: Check, call: Call) -> None:
    names = (
        "status",
        "conclusion",
        "external_id",
        "details_url",
        "started_at",
        "completed_at",
        "output",
    )
    said = first(call.body, *names)
    if "conclusion" in said:
        now = moment(datetime.now(UTC))
        said = {"status": "completed", "completed_at": now, **said}
    output = said.get("output")
    if isinstance(output, dict):
        one.annotations.extend(output.get("annotations", ()))
    one.known |= said
    one.name = str(call.body.get("name", one.name))


def _check(call: Call) -> Check:
    found = call.hosted.checks.get(int(str(call.named["check_run_id"])))
    if found is None:
        raise RefusedError(404, "Not Found")
    return found


@endpoint("GET", REPO + "/check-runs/{check_run_id}", "checks:read")
def get_check(call: Call) -> Answer:
    return Answer(200, call.shapes.check(call.hosted, _check(call), call.app))


@endpoint("PATCH", REPO + "/check-runs/{check_run_id}", "checks:write")
def update_check(call: Call) -> Answer:
    one = _check(call)
    _report(one, call)
    return Answer(200, call.shapes.check(call.hosted, one, call.app))


@endpoint("GET", REPO + "/check-runs/{check_run_id}/annotations", "checks:read")
def list_annotations(call: Call) -> Answer:
    return call.page([{"blob_href": call.shapes.web, **one} for one in _check(call).annotations])


@endpoint("GET", REPO + "/commits/{ref}/check-runs", "checks:read")
def list_checks(call: Call) -> Answer:
    sha = call.commit(call.named["ref"])
    name = call.request.args.get("check_name")
    found = [
        one
        for one in call.hosted.checks.values()
        if one.head_sha == sha and name in (None, one.name)
    ]
    shown = [call.shapes.check(call.hosted, one, call.app) for one in found]
    return call.page(shown, "check_runs")


@endpoint("GET", REPO + "/actions/runs/{run_id}", "actions:read")
def get_run(call: Call) -> Answer:
    found = call.hosted.runs.get(int(str(call.named["run_id"])))
    if found is None:
        raise RefusedError(404, "Not Found")
    return Answer(200, call.shapes.run(call.hosted, found))
