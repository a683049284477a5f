"""The local GitHub is as strict as the real one, with others and with itself."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

sys.path.insert(0, str(Path(__file__).parent))

import contract
from endpoint import ENDPOINTS
from hosted import Hosted, PullPart
from local_github import Fault, LocalGitHub, Registered
from shapes import Shapes

RIGHTS = {"contents": "write", "issues": "write", "pull_requests": "write"}


@pytest.fixture
def github(tmp_path: Path) -> Iterator[LocalGitHub]:
    with LocalGitHub(tmp_path / "hosted") as served:
        yield served


@pytest.fixture
def shop(github: LocalGitHub) -> Hosted:
    return github.world.repository("ada/shop", {"shop.py": "x = 1\n"})


@pytest.fixture
def registered(github: LocalGitHub, shop: Hosted) -> Registered:
    return github.register("perfbot", RIGHTS, [shop])


@pytest.fixture
def token(github: LocalGitHub, shop: Hosted, registered: Registered) -> str:
    return github.world.mint(registered.installation, [shop.id], RIGHTS).value


def ask(
    github: LocalGitHub, verb: str, path: str, bearer: str = "", **options: Any
) -> requests.Response:
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return requests.request(verb, github.api + path, headers=headers, timeout=10, **options)


def signed(
    registered: Registered, key: str | bytes | None = None, how: str = "RS256", **claims: object
) -> str:
    now = datetime.now(UTC)
    usual = {"iat": now, "exp": now + timedelta(minutes=5), "iss": str(registered.record.id)}
    return jwt.encode(usual | claims, key or registered.private_key, how)


def test_every_operation_of_the_cut_description_is_served_and_no_other() -> None:
    described = {
        (verb.upper(), path)
        for path, verbs in contract.description()["paths"].items()
        for verb in verbs
    }
    assert {(one.verb, one.template) for one in ENDPOINTS} == described


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/repos/ada/shop/pulls", {"title": "No head", "base": "main"}),
        ("/repos/ada/shop/issues", {"title": ["a list"], "labels": 7}),
        ("/repos/ada/shop/git/refs", {"ref": "refs/heads/x"}),
        ("/repos/ada/shop/git/blobs", {"encoding": "utf-8"}),
    ],
)
def test_a_request_that_github_does_not_describe_gets_its_422(
    github: LocalGitHub, token: str, path: str, body: object
) -> None:
    answer = ask(github, "POST", path, token, json=body)
    assert answer.status_code == 422
    assert len(github.violations) == 1


def test_a_body_that_is_no_json_object_gets_githubs_400(github: LocalGitHub, token: str) -> None:
    path = "/repos/ada/shop/git/blobs"
    assert ask(github, "POST", path, token, json="no object").status_code == 400
    assert ask(github, "POST", path, token, data=b"{").json()["message"] == "Problems parsing JSON"


def test_an_operation_that_is_not_described_is_noted(github: LocalGitHub, token: str) -> None:
    assert ask(github, "POST", "/repos/ada/shop/stars", token).status_code == 404
    assert "no such operation" in github.violations[0]


def test_a_wrong_answer_of_its_own_is_caught(
    github: LocalGitHub, shop: Hosted, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.bare.commit({"shop.py": "x = 2\n"}, "work", onto="main")
    part = PullPart(shop, "ada", "work", "", "main", draft=False)
    github.world.pull(shop, github.world.person("ada"), "t", None, part)
    monkeypatch.setattr(Shapes, "pull", lambda *_, **__: {"number": "one"})
    answer = ask(github, "GET", "/repos/ada/shop/pulls", token)
    assert answer.status_code == 500
    assert "number" in github.violations[0]


def test_a_jwt_is_checked(github: LocalGitHub, registered: Registered) -> None:
    now = datetime.now(UTC)
    eve = github.register("eve", RIGHTS, [next(iter(github.world.repositories.values()))])
    assert ask(github, "GET", "/app", signed(registered)).json()["slug"] == "perfbot"
    bad = [
        signed(registered, exp=now - timedelta(minutes=5), iat=now - timedelta(minutes=9)),
        signed(registered, exp=now + timedelta(hours=1)),
        signed(registered, iat=now + timedelta(hours=1)),
        signed(registered, eve.private_key),
        signed(registered, "x" * 64, "HS256"),
        signed(registered)[:-9] + "AAAAAAAAA",
        "a.b.c",
        "",
    ]
    assert [ask(github, "GET", "/app", one).status_code for one in bad] == [401] * len(bad)
    assert ask(github, "GET", "/app", signed(registered, iss="999")).status_code == 404


def test_a_token_ends_when_it_is_revoked_or_expires(
    github: LocalGitHub, shop: Hosted, registered: Registered, token: str
) -> None:
    installation = registered.installation
    old = github.world.mint(installation, [shop.id], RIGHTS, life=timedelta(hours=-1)).value
    assert ask(github, "GET", "/repos/ada/shop", old).status_code == 401
    assert ask(github, "GET", "/repos/ada/shop", token).status_code == 200
    assert ask(github, "DELETE", "/installation/token", token).status_code == 204
    assert ask(github, "GET", "/repos/ada/shop", token).status_code == 401


def test_more_rights_than_the_app_has_are_not_given(
    github: LocalGitHub, registered: Registered
) -> None:
    path = f"/app/installations/{registered.installation.id}/access_tokens"
    for wanted in ({"administration": "read"}, {"contents": "read", "workflows": "write"}):
        answer = ask(github, "POST", path, signed(registered), json={"permissions": wanted})
        assert (answer.status_code, answer.json()["message"]) == (
            422, "The permissions requested are not granted to this installation.",
        )  # fmt: skip


def test_a_private_repository_does_not_exist_for_strangers(
    github: LocalGitHub, registered: Registered, token: str
) -> None:
    github.world.repository("eve/open", {"a": "b"}, private=False)
    github.world.repository("eve/secret", {"a": "b"})
    asked = {
        ("GET", "/repos/eve/secret", token): 404,
        ("GET", "/repos/eve/secret", ""): 404,
        ("GET", "/repos/eve/open", token): 200,
        ("GET", "/repos/eve/open", ""): 200,
        ("POST", "/repos/eve/open/issues", token): 403,
        ("POST", "/repos/eve/open/issues", ""): 401,
    }
    for (verb, path, bearer), status in asked.items():
        answer = ask(github, verb, path, bearer, json={"title": "x"} if verb == "POST" else None)
        assert answer.status_code == status, (verb, path, answer.text)


def test_git_and_rest_see_the_same_repository(
    github: LocalGitHub, shop: Hosted, token: str, tmp_path: Path
) -> None:
    """A plain clone, edit and push moves the head of the pull request that REST shows."""
    origin = github.web.replace("://", f"://x-access-token:{token}@") + "/ada/shop.git"
    folder = tmp_path / "clone"
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=tmp_path, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    git("clone", "--quiet", origin, str(folder))
    for number in (1, 2):
        (folder / "shop.py").write_text(f"x = {number + 1}\n")
        git("-C", str(folder), "commit", "--quiet", "-a", "-m", "Change")
        git("-C", str(folder), "push", "--quiet", "origin", "HEAD:work")
        if number == 1:
            body = {"title": "t", "head": "work", "base": "main"}
            assert ask(github, "POST", "/repos/ada/shop/pulls", token, json=body).status_code == 201
    shown = ask(github, "GET", "/repos/ada/shop/pulls/1", token).json()
    assert shown["head"]["sha"] == git("-C", str(folder), "rev-parse", "HEAD")
    assert shop.bare.sha("refs/pull/1/head") == shown["head"]["sha"]
    assert not github.violations


def test_githubs_answers_to_duplicates_and_unknown_heads(
    github: LocalGitHub, shop: Hosted, token: str
) -> None:
    sha = shop.bare.commit({"shop.py": "x = 2\n"}, "work", onto="main")
    pull = {"title": "t", "head": "work", "base": "main"}

    def refused(path: str, body: dict[str, object]) -> str:
        answer = ask(github, "POST", f"/repos/ada/shop{path}", token, json=body)
        assert answer.status_code == 422
        return answer.text

    assert ask(github, "POST", "/repos/ada/shop/pulls", token, json=pull).status_code == 201
    assert "A pull request already exists for ada:work." in refused("/pulls", pull)
    assert '"field": "head", "code": "invalid"' in refused("/pulls", {**pull, "head": "none"})
    assert "Reference already exists" in refused(
        "/git/refs", {"ref": "refs/heads/work", "sha": sha}
    )
    assert "Object does not exist" in refused(
        "/git/refs", {"ref": "refs/heads/y", "sha": "0" * 39 + "1"}
    )
    assert not github.violations


def test_pages_are_linked(github: LocalGitHub, shop: Hosted, token: str) -> None:
    ada = github.world.person("ada")
    for number in range(7):
        github.world.thread(shop, ada, f"Issue {number}", None)
    first = ask(github, "GET", "/repos/ada/shop/issues?per_page=3", token)
    titles, page = [one["title"] for one in first.json()], first
    while "next" in page.links:
        headers = {"Authorization": f"Bearer {token}"}
        page = requests.get(page.links["next"]["url"], headers=headers, timeout=10)
        titles += [one["title"] for one in page.json()]
    assert titles == [f"Issue {number}" for number in reversed(range(7))]


def test_a_fault_comes_as_often_as_it_was_set(github: LocalGitHub, token: str) -> None:
    github.faults.add(Fault.burst("GET", "/repos/ada/shop$", times=2, status=503))
    codes = [ask(github, "GET", "/repos/ada/shop", token).status_code for _ in range(3)]
    assert codes == [503, 503, 200]
