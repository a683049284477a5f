"""When GitHub is slow, limits, breaks or lies: a sentence, no endless sleep, and never a secret."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from perfbot.bot.forge import (
    ForgeError,
    Trouble,
)
from perfbot.bot.github import GitHubRepository
from perfbot.bot.github_app import Rights
from perfbot.bot.github_session import Site

from github_scene import (
    BRANCH,
    MARK,
    SHOP,
    Scene,
)
from local_github import Fault, LocalGitHub


def test_reading_survives_a_burst_of_errors(scene: Scene, hasty: None) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.burst("GET", "/pulls/1$", times=3))
    assert forge.pull_request(1).number == 1
    assert scene.seen("GET", "/pulls/1") == 4


def test_reading_gives_up_in_the_end(scene: Scene, hasty: None) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.burst("GET", "/pulls/1$", times=9))
    with pytest.raises(ForgeError, match="did not return pull request 1 of ada/shop") as raised:
        forge.pull_request(1)
    assert raised.value.trouble is Trouble.UNREACHABLE
    assert scene.seen("GET", "/pulls/1") == 4


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (Fault.secondary_limit("POST", "/comments$", None), 60),
        (Fault.secondary_limit("POST", "/comments$", 7), 7),
        (Fault.secondary_limit("POST", "/comments$", None, status=429), 60),
        (Fault.secondary_limit("POST", "/comments$", 7, status=429), 7),
        (Fault.secondary_limit("GET", "/comments$", None), 60),
        (Fault.secondary_limit("GET", "/comments$", 3600), 3600),
        (Fault.secondary_limit("GET", "/comments$", 3600, status=429), 3600),
        (Fault.secondary_limit("GET", "/comments$", None, status=429), 60),
    ],
    ids=lambda value: f"{value.verb}-{value.status}" if isinstance(value, Fault) else f"{value}s",
)
def test_a_limit_says_how_long_to_wait_and_nobody_sleeps_for_it(
    scene: Scene, fault: Fault, wait_s: float
) -> None:
    fault.times = 1  # the cases are made once, and count down
    forge = scene.forge()
    scene.github.faults.add(fault)
    with pytest.raises(ForgeError, match="when the limit is over") as raised:
        forge.say(1, MARK, "hi")
    assert (raised.value.trouble, raised.value.wait_s) == (Trouble.LIMITED, wait_s)
    assert raised.value.passes
    assert not scene.hosted.comments


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_the_hourly_limit_says_when_it_ends(scene: Scene, verb: str) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.primary_limit(verb, "/comments$", reset_in_s=3000))
    with pytest.raises(ForgeError) as raised:
        forge.say(1, MARK, "hi")
    assert raised.value.trouble is Trouble.LIMITED
    assert raised.value.wait_s == pytest.approx(3000, abs=60)


def test_a_short_wait_is_waited_for_when_reading(scene: Scene) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.secondary_limit("GET", "/pulls/1$", 1))
    assert forge.pull_request(1).number == 1


def test_a_server_that_does_not_answer_in_time_is_left(
    scene: Scene, hasty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perfbot.bot.github_session._TIMEOUT_S", 1)
    forge = scene.forge()
    scene.github.faults.add(Fault.slow("POST", "/comments$", 1.5))
    with pytest.raises(ForgeError, match=r"no answer came \(ReadTimeout\)"):
        forge.say(1, MARK, "hi")


def test_a_connection_that_breaks_while_reading_is_tried_again(scene: Scene, hasty: None) -> None:
    forge = scene.forge()
    scene.github.faults.add(Fault.hangs_up("GET", "/pulls/1$", times=2))
    assert forge.pull_request(1).number == 1


def test_nobody_listening_is_told(hasty: None) -> None:
    forge = GitHubRepository(Site("http://127.0.0.1:9", 0, 0), "ghs_x", SHOP, "perfbot[bot]")
    with pytest.raises(
        ForgeError, match=r"no answer came \(ConnectionError\).*trying again is safe"
    ):
        forge.pull_request(1)


def test_an_answer_without_its_parts_is_told(scene: Scene) -> None:
    forge = scene.forge()
    scene.github.faults.add(
        Fault("GET", "/pulls/1$", 1, 200, message="Welcome to the hotel network")
    )
    with pytest.raises(ForgeError, match="the answer makes no sense") as raised:
        forge.pull_request(1)
    assert raised.value.trouble is Trouble.UNREACHABLE


def test_the_token_is_not_carried_to_another_server(scene: Scene, tmp_path: Path) -> None:
    with LocalGitHub(tmp_path / "another") as another:
        target = another.api.replace("127.0.0.1", "localhost") + "/repos/ada/shop/pulls/1"
        forge = scene.forge()
        scene.github.faults.add(Fault("GET", "/pulls/1$", 1, 301, {"Location": target}, "Moved"))
        with pytest.raises(ForgeError):
            forge.pull_request(1)
        assert another.requests == []


def test_no_failure_and_no_log_line_tells_a_secret(
    scene: Scene, caplog: pytest.LogCaptureFixture, hasty: None
) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        scene.app.token(scene.installation, scene.hosted.id, Rights.TALK) as token,
    ):
        forge = GitHubRepository(scene.site, token.secret, SHOP, "perfbot[bot]")
        forge.say(1, MARK, "hi")
        failures: dict[Callable[[], object], Fault] = {
            lambda: forge.say(1, MARK, "ho"): Fault.burst("*", "/issues/1/comments", 9),
            lambda: forge.pull_request(1): Fault.secondary_limit("*", "/pulls/1", 90),
            lambda: forge.file("x", scene.main): Fault.hangs_up("*", "/contents", 9),
            lambda: forge.compare("main", "work"): Fault.burst("*", "/compare", 1, status=404),
            lambda: forge.delete_branch(BRANCH): Fault.burst("*", "/git/ref", 1, status=401),
        }
        told = ""
        for fail, fault in failures.items():
            scene.github.faults.add(fault)
            with pytest.raises(ForgeError) as raised:
                fail()
            told += "".join(traceback.format_exception(raised.value))
    told += caplog.text
    key = scene.registered.private_key.splitlines()[1:-1]
    sent = {str(one.authorization).split()[-1] for one in scene.github.requests}
    assert token.secret in sent
    assert len(sent) > 1
    assert "/issues/1/comments" in caplog.text
    assert not [secret for secret in {*key, *sent} if secret in told]


def test_github_is_asked_in_the_version_that_was_tried(scene: Scene) -> None:
    scene.forge().pull_request(1)
    scene.app.login()
    assert {one.version for one in scene.github.requests} == {"2022-11-28"}
