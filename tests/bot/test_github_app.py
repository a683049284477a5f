"""The App's tokens are for one repository and one purpose, and end; what was not delivered is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from perfbot.bot.forge import (
    Change,
    Forge,
    ForgeError,
    Reaction,
    RepositoryName,
    State,
    Trouble,
)
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_app import GitHubApp, Rights, Token
from perfbot.bot.transport import Remote, Store

import app_endpoints
from github_scene import BRANCH, MARK, PERMISSIONS, SHOP, SIGNATURE, TEXT, Scene
from hosted import Delivery, Hosted
from local_github import Fault


def test_from_the_apps_key_to_a_pull_request(scene: Scene, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    installation = scene.app.installation(SHOP)
    with scene.app.token(installation, scene.hosted.id, Rights.CHECKOUT) as token:
        store.fetch(Remote(scene.site, SHOP, token.secret), scene.main)
    store.export(scene.main, tmp_path / "tree")
    change = Change(scene.main, "Speed up\n", {"shop.py": b"fast\n"})
    made = store.commit(change, SIGNATURE)
    with scene.app.token(installation, scene.hosted.id, Rights.PUBLISH) as token:
        store.push(Remote(scene.site, SHOP, token.secret), made, BRANCH, was=None)
        forge: Forge = GitHubRepository(scene.site, token.secret, SHOP, scene.app.login())
        opened = forge.open_pull_request(TEXT)
        assert [one.path for one in forge.files(opened.number)] == ["shop.py"]
        assert forge.commits(opened.number) == (made,)
    assert (opened.head.commit, opened.draft, opened.state) == (made, True, State.OPEN)
    assert opened.author.login == "perfbot[bot]"
    assert not opened.author.person
    assert opened.url == f"{scene.github.web}/ada/shop/pull/2"
    assert all(token.dead for token in scene.github.world.tokens.values())


def test_a_token_is_for_one_repository_and_its_purpose_alone(scene: Scene) -> None:
    for rights in Rights:
        with scene.app.token(scene.installation, scene.hosted.id, rights) as token:
            kept = scene.github.world.tokens[token.secret]
            assert kept.repository_ids == [scene.hosted.id]
            assert kept.permissions == dict(rights.value)
            assert "workflows" not in kept.permissions
            assert token.secret not in f"{token} {token!r}"


def test_a_token_of_another_repository_finds_nothing(scene: Scene) -> None:
    forge = scene.forge(hosted=scene.other)
    with pytest.raises(ForgeError) as raised:
        forge.pull_request(1)
    assert raised.value.trouble is Trouble.MISSING
    assert forge.file("shop.py", scene.main) is None


def test_the_token_for_the_checkout_changes_nothing(scene: Scene) -> None:
    forge = scene.forge(Rights.CHECKOUT)
    comment = scene.github.world.comment(
        scene.hosted, 1, scene.github.world.person("ada"), "/optimize"
    )
    change = Change(scene.main, "x", {"shop.py": b"x"})
    writes: list[Callable[[], object]] = [
        lambda: forge.react(1, comment.id, Reaction.EYES),
        lambda: forge.close_pull_request(1),
        lambda: forge.publish(BRANCH, change, None),
        lambda: forge.label(1, ["performance"]),
    ]
    for write in writes:
        with pytest.raises(
            ForgeError, match=r"not accessible by integration.*given the permissions"
        ):
            write()
    assert forge.pull_request(1).title == "Twenty"


def test_the_token_for_talking_pushes_nothing(scene: Scene, tmp_path: Path) -> None:
    forge = scene.forge(Rights.TALK)
    forge.say(1, MARK, "Measuring")
    with pytest.raises(ForgeError) as raised:
        forge.publish(BRANCH, Change(scene.main, "x", {"shop.py": b"x"}), None)
    assert raised.value.trouble is Trouble.DENIED


def test_workflow_files_are_out_of_reach_even_for_publishing(scene: Scene) -> None:
    change = Change(scene.main, "x", {".github/workflows/ci.yml": b"on: push"})
    with pytest.raises(ForgeError) as raised:
        scene.forge().publish(BRANCH, change, None)
    assert raised.value.trouble is Trouble.DENIED


def test_a_token_ends_with_its_block_however_that_ends(scene: Scene) -> None:
    def fail() -> None:
        with scene.app.token(scene.installation, scene.hosted.id, Rights.TALK):
            raise RuntimeError("the job failed")

    with pytest.raises(RuntimeError, match="the job failed"):
        fail()
    assert [token.revoked for token in scene.github.world.tokens.values()] == [True]


def test_a_token_that_cannot_be_revoked_is_told_and_harms_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.github.faults.add(Fault.burst("DELETE", "/installation/token$", 5))
    with scene.app.token(scene.installation, scene.hosted.id, Rights.TALK) as token:
        pass
    assert "was not revoked and ends by itself within an hour" in caplog.text
    assert token.secret not in caplog.text


def handed_out(scene: Scene, hosted: Hosted) -> Token:
    with scene.app.token(scene.installation, hosted.id, Rights.CHECKOUT) as token:
        return token


def test_a_token_that_reaches_further_than_asked_for_is_not_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(call: object, installation: object) -> list[int]:
        return [scene.hosted.id, scene.other.id]

    monkeypatch.setattr(app_endpoints, "_chosen", everything)
    with pytest.raises(ForgeError, match="reaches further"):
        handed_out(scene, scene.hosted)
    assert [token.revoked for token in scene.github.world.tokens.values()] == [True]


def test_a_repository_that_the_app_was_not_given_gets_no_token(scene: Scene) -> None:
    stranger = scene.github.world.repository("eve/secret", {})
    with pytest.raises(ForgeError, match="does not exist or is not accessible"):
        handed_out(scene, stranger)
    with pytest.raises(ForgeError, match="Check the name, and that the App is installed"):
        scene.app.installation(RepositoryName("eve", "secret"))


@pytest.mark.parametrize(
    "key", ["", "no key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_a_key_that_is_none_is_told_without_quoting_it(scene: Scene, key: str) -> None:
    with pytest.raises(ForgeError, match="has to be the PEM file") as raised:
        GitHubApp(scene.site, "7", key)
    assert raised.value.__cause__ is None


def test_the_key_of_another_app_opens_nothing(scene: Scene) -> None:
    eve = scene.github.register("eve", PERMISSIONS, [scene.other])
    impostor = GitHubApp(scene.site, str(scene.registered.record.id), eve.private_key)
    with pytest.raises(ForgeError, match=r"could not be decoded \(401\)"):
        impostor.login()


def test_an_app_knows_its_name_and_where_it_is_installed(scene: Scene) -> None:
    assert scene.app.login() == "perfbot[bot]"
    assert scene.app.installations() == (scene.installation,)
    assert scene.app.installation(SHOP) == scene.installation
    found = scene.app.repositories(scene.installation)
    assert found == {scene.hosted.id: SHOP, scene.other.id: RepositoryName("ada", "other")}
    assert all(token.revoked for token in scene.github.world.tokens.values())


def test_deliveries_that_never_arrived_are_found_across_pages_and_sent_again(scene: Scene) -> None:
    now = datetime.now(UTC).replace(microsecond=0)

    def deliver(guid: str, status: str, code: int, minutes_ago: int) -> None:
        when = now - timedelta(minutes=minutes_ago)
        number = next(scene.github.world.ids)
        delivery = Delivery(number, guid, "issue_comment", "created", status, code, when)
        scene.github.world.deliveries.append(delivery)

    deliver("too old", "timed out", 0, 900)
    for number in range(250):
        deliver(f"fine-{number}", "OK", 202, 300 - number)
    deliver("refused", "Internal Server Error", 500, 40)
    deliver("second time lucky", "timed out", 0, 30)
    deliver("second time lucky", "OK", 202, 20)
    deliver("never came", "failed to connect to host", 0, 10)
    deliver("never came", "timed out", 0, 5)
    lost = scene.app.undelivered(now - timedelta(minutes=600))
    assert [one.guid for one in lost] == ["refused", "never came"]
    assert lost[1].delivered_at == now - timedelta(minutes=5)
    for one in lost:
        scene.app.deliver_again(one)
    assert scene.app.undelivered(now - timedelta(minutes=600)) == ()
