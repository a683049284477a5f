"""``perfbot app create`` as an operator starts it: a real process, a browser over real HTTP, the local GitHub."""

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfbot.bot.app_credentials import load
from perfbot.bot.exits import Exit
from perfbot.bot.github_app import GitHubApp
from perfbot.bot.github_session import Site

from bot_process import PERFBOT
from local_github import LocalGitHub

WEBHOOK = "https://perfbot.example.org/webhook"
BROWSER = f"""#!{sys.executable}
import re, sys, requests
from html import unescape
page = requests.get(sys.argv[1], timeout=30).text
action, manifest = re.findall(r'action="([^"]*)"|value="([^"]*)"', page)
print(requests.post(unescape(action[0]), {{"manifest": unescape(manifest[1])}}, timeout=30).text)
"""


class Registering:
    """The command, waiting for a browser."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        argv = [str(PERFBOT), "app", "create", *arguments]
        own = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
        own |= {"XDG_CONFIG_HOME": str(folder), **environ}
        self.popen = subprocess.Popen(
            argv, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.said = ""

    def address(self) -> str:
        assert self.popen.stderr
        while not (found := re.search(r"http://127\.0\.0\.1:\d+/", self.said)):
            line = self.popen.stderr.readline()
            assert line, self.said
            self.said += line
        return found[0]

    def ended(self) -> tuple[int, str, str]:
        out, errors = self.popen.communicate(timeout=60)
        return self.popen.returncode, out, self.said + errors

    def close(self) -> None:
        self.popen.kill()
        self.popen.communicate()


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    program = tmp_path / "browser"
    program.write_text(BROWSER)
    program.chmod(0o755)
    return program


@pytest.fixture
def running(github: LocalGitHub, tmp_path: Path) -> Iterator[Registering]:
    arguments = ("--webhook", WEBHOOK, "--base-url", github.api)
    started = Registering(tmp_path / "config", *arguments)
    yield started
    started.close()


def opens_github(environ: dict[str, str], github: LocalGitHub) -> bool:
    found = load(environ)
    return GitHubApp(Site(found.base_url, 0, 0), found.app_id, found.private_key).login() == (
        "perfbot[bot]"
    )


def test_an_app_is_where_a_worker_looks_for_it(
    github: LocalGitHub,
    tmp_path: Path,
    browser: Path,
    running: Registering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subprocess.run([browser, running.address()], check=True, capture_output=True)
    code, out, errors = running.ended()
    assert code == Exit.DONE, errors
    folder = tmp_path / "config" / "perfbot" / "app"
    assert f"is registered; its credentials are in {folder}" in out
    assert f"{Site(github.api).web}/apps/perfbot/installations/new" in out
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}
    assert (folder / "webhook-secret").read_text() not in out + errors
    assert "PRIVATE" not in out + errors
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert opens_github({}, github)


def test_the_browser_of_the_operator_is_opened(
    github: LocalGitHub, tmp_path: Path, browser: Path
) -> None:
    folder = tmp_path / "app"
    arguments = ("--webhook", WEBHOOK, "--base-url", github.api, "--folder", str(folder))
    owned = ("--organization", "shop-keepers")
    running = Registering(tmp_path, *arguments, *owned, BROWSER=str(browser))
    code, out, errors = running.ended()
    assert code == Exit.DONE, errors
    assert f"where PERFBOT_APP is {folder}" in out
    assert opens_github({"PERFBOT_APP": str(folder)}, github)
    assert "/organizations/shop-keepers/settings/apps/new" in {one.path for one in github.requests}


def test_waiting_for_a_browser_ends_with_an_interrupt(tmp_path: Path, running: Registering) -> None:
    running.address()
    running.popen.send_signal(signal.SIGINT)
    assert running.ended()[0] == Exit.INTERRUPTED
    assert not list((tmp_path / "config" / "perfbot" / "app").iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--webhook", "http://perfbot.example.org/webhook"], "cannot receive webhooks"),
        (["--webhook", WEBHOOK, "--organization", "../x"], "cannot be an organization"),
        (["--webhook", WEBHOOK, "--base-url", "http://github.example.org"], "https://"),
        (["--webhook", WEBHOOK, "--folder", "/dev/null/app"], "give another folder with --folder"),
        (["--webhook", WEBHOOK, "--folder", "{taken}"], "already holds an App's credentials"),
        ([], "--webhook"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(tmp_path: Path, arguments: list[str], told: str) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "app.json").write_text("{}")
    running = Registering(tmp_path, *(each.format(taken=taken) for each in arguments))
    code, _, errors = running.ended()
    assert code == Exit.USAGE
    assert told in errors
    assert "Traceback" not in errors
