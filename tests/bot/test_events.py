"""Which deliveries start work: GitHub's published payloads, and what people make of them."""

import copy
import gzip
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.bot.deliveries import EVENTS
from perfbot.bot.events import DASHBOARD_MARK, EventError, trigger
from perfbot.bot.triggers import (
    CommandAccepted,
    CommentCreated,
    DashboardEdited,
    InstallationChanged,
    Priority,
    PullRequestChange,
    PullRequestChanged,
    Pushed,
    RepositoriesChanged,
    Repository,
    Trigger,
    TriggerError,
    from_json,
    job_id,
    lane,
    priority,
    to_json,
)

from bot_process import comment_payload

EXAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    gzip.decompress((Path(__file__).parent / "data" / "webhook_examples.json.gz").read_bytes())
)
ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def asked(event: str, value: dict[str, Any]) -> Trigger | None:
    return trigger(event, json.dumps(value).encode())


def installed(value: dict[str, Any]) -> dict[str, Any]:
    """Return a payload as an App gets it: many examples are of a repository's own webhook."""
    return {"installation": {"id": 5}} | value


def example(event: str, action: str) -> dict[str, Any]:
    found = next(one for one in EXAMPLES[event] if one.get("action") == action)
    return installed(copy.deepcopy(found))


def dashboard_edit(**changed: Any) -> dict[str, Any]:
    edit = example("issues", "edited")
    edit["issue"]["body"] = f"- [x] src/a.py::f\n{DASHBOARD_MARK}"
    edit["changes"] = {"body": {"from": "before"}}
    return edit | changed


def test_of_all_published_payloads_only_the_intended_start_work() -> None:
    assert sum(map(len, EXAMPLES.values())) == 329
    started = Counter(
        (event, payload.get("action", ""), type(found).__name__)
        for event, payloads in EXAMPLES.items()
        for payload in payloads
        if (found := asked(event, installed(payload)))
    )
    assert set(started) == {
        ("installation", "created", "InstallationChanged"),
        ("installation", "deleted", "InstallationChanged"),
        ("installation", "suspend", "InstallationChanged"),
        ("installation", "unsuspend", "InstallationChanged"),
        ("installation_repositories", "added", "RepositoriesChanged"),
        ("installation_repositories", "removed", "RepositoriesChanged"),
        ("pull_request", "closed", "PullRequestChanged"),
        ("pull_request", "opened", "PullRequestChanged"),
        ("pull_request", "reopened", "PullRequestChanged"),
        ("pull_request", "synchronize", "PullRequestChanged"),
        ("push", "", "Pushed"),
    }
    assert {event for event, _action, _kind in started} < EVENTS


def test_a_published_comment_with_a_command_starts_work() -> None:
    """No published comment is on a pull request: one is composed, as the schema allows."""
    comment = example("issue_comment", "created")
    comment["comment"]["body"] = "Look at this:\r\n\r\n/optimize src/a.py::f"
    comment["issue"]["pull_request"] = {"url": "https://api.github.com/x", "merged_at": None}
    found = asked("issue_comment", comment)
    assert isinstance(found, CommentCreated)
    assert found.on_pull_request
    assert found.repository == Repository(186853002, "Codertocat/Hello-World")
    assert found.author == "Codertocat"
    assert found.text == comment["comment"]["body"]
    del comment["issue"]["pull_request"]
    assert not getattr(asked("issue_comment", comment), "on_pull_request", True)


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "edited"},
        {"action": "deleted"},
        {"sender": {"id": 42, "login": "ada[bot]", "type": "Bot"}},
        {"sender": {"id": 43, "login": "eve", "type": "User"}},
        {"installation": None},
    ],
)
def test_only_a_persons_new_comment_counts(changed: dict[str, Any]) -> None:
    assert asked("issue_comment", comment_payload())
    assert asked("issue_comment", comment_payload(**changed)) is None


@pytest.mark.parametrize(
    "text", ["thanks!", "see a/b", "use `/optimize`", "> /optimize", "    /optimize", ""]
)
def test_a_comment_in_which_no_line_begins_with_a_slash_asks_for_nothing(text: str) -> None:
    assert asked("issue_comment", comment_payload(text=text)) is None


def test_a_comment_that_github_sends_without_a_body_asks_for_nothing() -> None:
    payload = comment_payload()
    payload["comment"]["body"] = None
    assert asked("issue_comment", payload) is None


def test_half_of_a_surrogate_pair_and_nul_can_be_stored() -> None:
    body = json.dumps(comment_payload(text="/optimize \ud800 \0 \U0001f600")).encode()
    found = trigger("issue_comment", body)
    assert isinstance(found, CommentCreated)
    assert found.text == "/optimize \ufffd \ufffd \U0001f600"
    found.text.encode()


def test_a_merged_pull_request_is_not_just_closed() -> None:
    closed = example("pull_request", "closed")
    for merged, change in ((True, PullRequestChange.MERGED), (False, PullRequestChange.CLOSED)):
        closed["pull_request"]["merged"] = merged
        found = asked("pull_request", closed)
        assert isinstance(found, PullRequestChanged)
        assert found.change is change
        assert len(found.head_sha) == 40


def test_only_a_push_to_the_default_branch_counts() -> None:
    push = installed(copy.deepcopy(next(iter(EXAMPLES["push"]))))
    push |= {"ref": "refs/heads/" + push["repository"]["default_branch"], "deleted": False}
    push["after"] = "a" * 40
    assert asked("push", push) == Pushed(
        5, Repository(push["repository"]["id"], push["repository"]["full_name"]), "master", "a" * 40
    )
    assert asked("push", push | {"ref": "refs/tags/master"}) is None
    assert asked("push", push | {"ref": "refs/heads/feature"}) is None
    assert asked("push", push | {"deleted": True}) is None


def test_installations_tell_which_repositories_came_and_went() -> None:
    created = asked("installation", example("installation", "created"))
    assert isinstance(created, InstallationChanged)
    assert created.added
    assert created.repositories == (Repository(186853002, "Codertocat/Hello-World"),)
    deleted = asked("installation", example("installation", "deleted"))
    assert isinstance(deleted, InstallationChanged)
    assert not deleted.added
    added = asked("installation_repositories", example("installation_repositories", "added"))
    assert isinstance(added, RepositoriesChanged)
    assert added.added == (Repository(186853007, "Codertocat/Space"),)
    assert not added.removed


def test_a_persons_edit_of_the_dashboard_counts() -> None:
    found = asked("issues", dashboard_edit())
    assert isinstance(found, DashboardEdited)
    assert DASHBOARD_MARK in found.body
    bot = {"id": 1, "login": "perfbot[bot]", "type": "Bot"}
    assert asked("issues", dashboard_edit(sender=bot)) is None
    assert asked("issues", dashboard_edit(changes={"title": {"from": "before"}})) is None
    assert asked("issues", example("issues", "edited")) is None


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("comment", "id"), "1", "comment.id is something else, expected a positive number"),
        (("comment", "id"), True, "comment.id is something else, expected a positive number"),
        (("comment", "id"), 2**63, "comment.id is something else, expected a positive number"),
        (("issue", "number"), -1, "issue.number is something else, expected a positive number"),
        (("repository",), [], "repository is something else, expected an object"),
        (("repository", "full_name"), "../..", "repository.full_name is something else"),
        (("repository", "full_name"), "a/b/c", "repository.full_name is something else"),
        (("repository", "full_name"), "a/b\n", "repository.full_name is something else"),
        (("comment", "user", "login"), "a\nb", "comment.user.login is something else"),
        (("sender",), None, "sender is something else, expected an object"),
    ],
)
def test_a_payload_that_is_not_as_described_is_told_by_its_field(
    path: tuple[str, ...], value: Any, told: str
) -> None:
    payload = copy.deepcopy(comment_payload())
    inner = payload
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(EventError, match=told):
        asked("issue_comment", payload)


def test_a_comment_is_one_job_and_heard_without_waiting_for_what_runs() -> None:
    found = asked("issue_comment", comment_payload(comment_id=4, repository_id=7))
    assert found
    assert job_id(found, ID) == "comment-7-4"
    assert (lane(found), priority(found)) == ("control-7", Priority.CONTROL)


def test_an_accepted_command_is_a_job_of_its_own_and_waits_in_its_repositorys_lane() -> None:
    shop = Repository(7, "shop/cart")
    found = CommandAccepted(9, shop, 3, True, 4, "ada", "/optimize", "a" * 40)
    assert job_id(found, ID) == "asked-7-4"
    assert (lane(found), priority(found)) == ("repository-7", Priority.PERSON)
    assert from_json(to_json(found)) == found


def test_a_scan_waits_for_everybody() -> None:
    pushed = Pushed(5, Repository(7, "shop/cart"), "main", "a" * 40)
    assert priority(pushed) is max(Priority)
    assert job_id(pushed, ID) == f"delivery-{ID}"


def all_triggers() -> list[Trigger]:
    payloads = [(event, installed(one)) for event, many in EXAMPLES.items() for one in many]
    payloads += [("issue_comment", comment_payload()), ("issues", dashboard_edit())]
    return [found for event, one in payloads if (found := asked(event, one))]


def test_a_trigger_comes_back_from_storage_as_it_was() -> None:
    triggers = all_triggers()
    assert len({type(one) for one in triggers}) == 6
    for one in triggers:
        assert from_json(json.loads(json.dumps(to_json(one)))) == one


@pytest.mark.parametrize(
    "stored",
    [{}, {"kind": "Job"}, {"kind": 1}, {"kind": "Pushed"}, {"kind": "Pushed", "branch": 3}],
)
def test_what_is_no_stored_trigger_is_told(stored: dict[str, Any]) -> None:
    with pytest.raises(TriggerError, match="cannot be read"):
        from_json(stored)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw a payload of an event that matters, with something else in one of its places."""
    event = draw(st.sampled_from(sorted(EVENTS)))
    payload = installed(copy.deepcopy(draw(st.sampled_from(EXAMPLES[event] + [comment_payload()]))))
    inner: Any = payload
    while True:
        name = draw(st.sampled_from(sorted(inner)))
        if not isinstance(inner[name], dict) or not inner[name] or draw(st.booleans()):
            inner[name] = draw(JSON)
            return event, payload
        inner = inner[name]


@given(spoiled())
def test_a_spoiled_payload_is_understood_or_told_and_never_breaks(
    case: tuple[str, dict[str, Any]],
) -> None:
    event, payload = case
    found = None
    with suppress(EventError):
        found = asked(event, payload)
    if found:
        assert from_json(json.loads(json.dumps(to_json(found)))) == found
        assert job_id(found, ID).isascii()
        assert lane(found).isascii()
