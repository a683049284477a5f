"""Contents and Git's objects over REST, all of them from and into the real repository."""

import base64
import secrets

from endpoint import REPO, Answer, Call, endpoint
from hosted import GitFailedError, Token
from rights import RefusedError, allows
from shapes import ROLES, files, permission

LARGEST_CONTENT_BYTES = 1024 * 1024  # https://docs.github.com/rest/repos/contents


@endpoint("GET", REPO, "metadata:read")
def get_repository(call: Call) -> Answer:
    owner = call.world.person(call.hosted.owner)
    return Answer(200, call.shapes.repository(call.hosted, owner))


@endpoint("GET", REPO + "/collaborators/{username}/permission", "metadata:read")
def get_permission(call: Call) -> Answer:
    login = str(call.named["username"])
    if login not in call.world.people:
        raise RefusedError(404, f"{login} is not a user")
    outside = "none" if call.hosted.private else "read"
    role = call.hosted.people.get(login, outside)
    return Answer(
        200, permission(call.world.person(login), role) | {"permission": ROLES.get(role, "none")}
    )


@endpoint("GET", REPO + "/contents/{path}", "contents:read")
def get_contents(call: Call) -> Answer:
    bare, path = call.hosted.bare, str(call.named["path"])
    reference = call.request.args.get("ref", call.hosted.default_branch)
    sha = bare.sha(f"{reference}:{path}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    if bare.git("cat-file", "-t", sha) == "tree":
        listed = bare.git("ls-tree", f"{reference}:{path}").splitlines()
        return Answer(200, [_entry(call, path, line) for line in listed])
    raw = bare.raw("cat-file", "blob", sha)
    shape = {
        "type": "file", "path": path, "name": path.rsplit("/")[-1], "sha": sha, "size": len(raw),
        "url": call.shapes.at(call.hosted, "contents", path),
    }  # fmt: skip
    if bare.git("ls-tree", reference, path).startswith("120000"):
        return Answer(200, {**shape, "type": "symlink", "target": raw.decode()})
    if len(raw) > LARGEST_CONTENT_BYTES:
        return Answer(200, {**shape, "encoding": "none", "content": ""})
    return Answer(200, {**shape, "encoding": "base64", "content": base64.encodebytes(raw).decode()})


def _entry(call: Call, folder: str, line: str) -> dict[str, object]:
    facts, _, name = line.partition("\t")
    _, kind, sha = facts.split(" ")
    path = f"{folder}/{name}"
    url = call.shapes.at(call.hosted, "contents", path)
    kind = {"tree": "dir", "blob": "file"}[kind]
    return {"type": kind, "name": name, "path": path, "sha": sha, "size": 0, "url": url}


@endpoint("POST", REPO + "/git/blobs", "contents:write")
def create_blob(call: Call) -> Answer:
    text = str(call.body["content"])
    raw = base64.b64decode(text) if call.body.get("encoding") == "base64" else text.encode()
    sha = call.hosted.bare.git("hash-object", "-w", "--stdin", given=raw)
    return Answer(201, {"sha": sha, "url": call.shapes.at(call.hosted, "git/blobs", sha)})


@endpoint("GET", REPO + "/git/blobs/{file_sha}", "contents:read")
def get_blob(call: Call) -> Answer:
    sha = call.hosted.bare.sha(f"{call.named['file_sha']}^{{blob}}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    raw = call.hosted.bare.raw("cat-file", "blob", sha)
    shape = {
        "sha": sha,
        "size": len(raw),
        "encoding": "base64",
        "content": base64.b64encode(raw).decode(),
    }
    return Answer(200, {**shape, "url": call.shapes.at(call.hosted, "git/blobs", sha)})


@endpoint("POST", REPO + "/git/trees", "contents:write")
def create_tree(call: Call) -> Answer:
    bare = call.hosted.bare
    index = {"GIT_INDEX_FILE": str(bare.path / f"index-{secrets.token_hex(4)}")}
    base = call.body.get("base_tree")
    if base:
        if bare.sha(f"{base}^{{tree}}") is None:
            raise RefusedError(422, "base_tree is not a valid tree oid")
        bare.git("read-tree", str(base), environment=index)
    for item in call.body["tree"]:
        refuse_workflows(call.who, [item["path"]])
        sha = item.get("sha") or bare.git(
            "hash-object", "-w", "--stdin", given=item["content"].encode()
        )
        entry = f"{item.get('mode', '100644')},{sha},{item['path']}"
        try:
            bare.git("update-index", "--add", "--cacheinfo", entry, environment=index)
        except GitFailedError:
            raise RefusedError(
                422, f"tree.path contains a malformed path component: {item['path']}"
            ) from None
    return Answer(201, _tree(call, bare.git("write-tree", environment=index)))


def refuse_workflows(who: object, paths: list[str]) -> None:
    """Refuse workflow files to a token without that permission, as GitHub does."""
    touched = any(path.startswith(".github/workflows/") for path in paths)
    if touched and not (isinstance(who, Token) and allows(who.permissions, "workflows:write")):
        raise RefusedError(403, "Resource not accessible by integration")


@endpoint("GET", REPO + "/git/trees/{tree_sha}", "contents:read")
def get_tree(call: Call) -> Answer:
    sha = call.hosted.bare.sha(f"{call.named['tree_sha']}^{{tree}}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    return Answer(200, _tree(call, sha, "recursive" in call.request.args))


def _tree(call: Call, sha: str, recursive: bool = False) -> dict[str, object]:
    options = ("-r", "-t") if recursive else ()
    listed = call.hosted.bare.git("ls-tree", "-z", *options, sha).split("\0")
    entries = []
    for line in filter(None, listed):
        facts, _, path = line.partition("\t")
        mode, kind, name = facts.split(" ")
        entries.append({"path": path, "mode": mode, "type": kind, "sha": name})
    place = call.shapes.at(call.hosted, "git/trees", sha)
    return {"sha": sha, "url": place, "truncated": False, "tree": entries}


@endpoint("POST", REPO + "/git/commits", "contents:write")
def create_commit(call: Call) -> Answer:
    bare = call.hosted.bare
    if bare.sha(f"{call.body['tree']}^{{tree}}") is None:
        raise RefusedError(422, "Tree SHA does not exist")
    parents = [part for one in call.body.get("parents", []) for part in ("-p", call.commit(one))]
    author = call.body.get("author") or {
        "name": call.author.login,
        "email": "bot@users.noreply.github.com",
    }
    who = {
        f"GIT_{role}_{key.upper()}": author[key]
        for role in ("AUTHOR", "COMMITTER")
        for key in author
    }
    made = bare.git(
        "commit-tree",
        str(call.body["tree"]),
        *parents,
        "-m",
        str(call.body["message"]),
        environment=who,
    )
    return Answer(201, call.shapes.git_commit(call.hosted, made))


@endpoint("GET", REPO + "/git/commits/{commit_sha}", "contents:read")
def get_commit(call: Call) -> Answer:
    sha = call.hosted.bare.sha(f"{call.named['commit_sha']}^{{commit}}")
    if sha is None:
        raise RefusedError(404, "Not Found")
    return Answer(200, call.shapes.git_commit(call.hosted, sha))


@endpoint("GET", REPO + "/git/ref/{ref}", "contents:read")
def get_reference(call: Call) -> Answer:
    name = f"refs/{call.named['ref']}"
    sha = call.hosted.bare.sha(name)
    if sha is None:
        raise RefusedError(404, "Not Found")
    return Answer(200, call.shapes.reference(call.hosted, name, sha))


@endpoint("POST", REPO + "/git/refs", "contents:write")
def create_reference(call: Call) -> Answer:
    name, sha = str(call.body["ref"]), str(call.body["sha"])
    if not name.startswith("refs/") or name.count("/") < 2:
        raise RefusedError(
            422, "Reference name must start with 'refs/' and contain at least two slashes."
        )
    if call.hosted.bare.sha(name):
        raise RefusedError(422, "Reference already exists")
    if call.hosted.bare.sha(f"{sha}^{{commit}}") is None:
        raise RefusedError(422, "Object does not exist")
    try:
        call.hosted.bare.git("update-ref", name, sha, "0" * 40)
    except GitFailedError:
        raise RefusedError(422, "Reference name is not valid") from None
    return Answer(201, call.shapes.reference(call.hosted, name, sha))


@endpoint("PATCH", REPO + "/git/refs/{ref}", "contents:write")
def update_reference(call: Call) -> Answer:
    name, sha = f"refs/{call.named['ref']}", str(call.body["sha"])
    bare = call.hosted.bare
    before = bare.sha(name)
    if before is None:
        raise RefusedError(422, "Reference does not exist")
    call.commit(sha)
    if not call.body.get("force") and bare.git("merge-base", before, sha) != before:
        raise RefusedError(422, "Update is not a fast forward")
    bare.git("update-ref", name, sha)
    return Answer(200, call.shapes.reference(call.hosted, name, sha))


@endpoint("DELETE", REPO + "/git/refs/{ref}", "contents:write")
def delete_reference(call: Call) -> Answer:
    name = f"refs/{call.named['ref']}"
    if call.hosted.bare.sha(name) is None:
        raise RefusedError(422, "Reference does not exist")
    call.hosted.bare.git("update-ref", "-d", name)
    return Answer(204)


@endpoint("GET", REPO + "/compare/{basehead}", "contents:read")
def compare(call: Call) -> Answer:
    bare = call.hosted.bare
    names = str(call.named["basehead"]).split("...")
    shas = [bare.sha(f"{name}^{{commit}}") for name in names]
    if len(shas) != 2 or None in shas:
        raise RefusedError(404, "Not Found")
    base, head = map(str, shas)
    merge_base = bare.git("merge-base", base, head)
    behind, ahead = bare.git("rev-list", "--left-right", "--count", f"{base}...{head}").split()
    state = {(0, 0): "identical", (1, 0): "ahead", (0, 1): "behind", (1, 1): "diverged"}
    new = bare.git("rev-list", "--reverse", f"{base}..{head}").split()
    shape = {
        "status": state[min(int(ahead), 1), min(int(behind), 1)],
        "ahead_by": int(ahead), "behind_by": int(behind), "total_commits": int(ahead),
        "base_commit": call.shapes.commit(call.hosted, base),
        "merge_base_commit": call.shapes.commit(call.hosted, merge_base),
        "commits": [call.shapes.commit(call.hosted, one) for one in new],
        "files": files(bare, merge_base, head),
        "url": call.shapes.at(call.hosted, "compare", "...".join(names)),
    }  # fmt: skip
    return Answer(200, shape)
