"""Registering the App: the browser goes to GitHub and back, and the credentials are for us alone."""

import json
import re
from concurrent.futures import Future, ThreadPoolExecutor
from html import unescape
from pathlib import Path
from queue import Queue

import pytest
import requests

from perfbot.bot.app_credentials import load
from perfbot.bot.app_manifest import Credentials, create, manifest, stored
from perfbot.bot.forge import ForgeError
from perfbot.bot.github_app import GitHubApp, Rights
from perfbot.bot.github_session import Site

from local_github import LocalGitHub

WEBHOOK = "https://perfbot.example.org/webhook"


def browser(address: str, *, state: str | None = None) -> requests.Response:
    """Open the page, press the button, follow GitHub's way back."""
    page = requests.get(address, timeout=10).text
    action, text = re.findall(r'action="([^"]*)"|value="([^"]*)"', page)
    target = unescape(action[0])
    if state is not None:
        target = re.sub("state=.*", f"state={state}", target)
    return requests.post(target, {"manifest": unescape(text[1])}, timeout=10)


def started(
    pool: ThreadPoolExecutor, github: LocalGitHub, folder: Path, organization: str | None = None
) -> tuple[str, Future[Credentials]]:
    told: Queue[str] = Queue()
    site = Site(github.api, 0, 0)
    running = pool.submit(create, site, organization, WEBHOOK, folder, told.put)
    return told.get(timeout=10), running


@pytest.mark.parametrize("organization", [None, "shop-keepers"])
def test_an_app_is_registered_and_its_credentials_open_github(
    github: LocalGitHub, tmp_path: Path, organization: str | None
) -> None:
    folder = tmp_path / "app"
    with ThreadPoolExecutor(1) as pool:
        address, running = started(pool, github, folder, organization)
        assert "You can close this page" in browser(address).text
        credentials = running.result(timeout=10)
    about = json.loads((folder / "app.json").read_text())
    assert about == {"app_id": credentials.app_id, "slug": "perfbot", "base_url": github.api}
    opened = load({"PERFBOT_APP": str(folder)})  # as a worker does
    key = opened.private_key
    app = GitHubApp(Site(opened.base_url, 0, 0), opened.app_id, key)
    assert app.login() == "perfbot[bot]"
    assert len((folder / "webhook-secret").read_text()) >= 16
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert key not in f"{credentials}"
    assert credentials.webhook_secret not in f"{credentials}"
    places = [one.path for one in github.requests if one.path.endswith("settings/apps/new")]
    assert places == [
        f"/organizations/{organization}/settings/apps/new" if organization else "/settings/apps/new"
    ]


def test_a_code_that_somebody_else_brings_is_not_taken(github: LocalGitHub, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        address, running = started(pool, github, tmp_path / "app")
        assert browser(address, state="guessed").status_code == 400
        assert requests.get(address + "registered?code=abc", timeout=10).status_code == 400
        assert requests.get(address + "elsewhere", timeout=10).status_code == 400
        assert not running.done()
        browser(address)
        assert running.result(timeout=10).slug == "perfbot"


def test_a_code_that_github_does_not_know_is_told(github: LocalGitHub, tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        address, running = started(pool, github, tmp_path / "app")
        state = re.findall('state=([^&"]*)', requests.get(address, timeout=10).text)[0]
        requests.get(f"{address}registered?code=abc&state={state}", timeout=10)
        with pytest.raises(ForgeError, match="did not exchange the code for the App's credentials"):
            running.result(timeout=10)
    assert not (tmp_path / "app").exists()


def test_credentials_are_never_written_over(github: LocalGitHub, tmp_path: Path) -> None:
    stored(Credentials(1, "perfbot", "key", "secret", "https://api.github.com"), tmp_path)
    with pytest.raises(ForgeError, match="already holds an App's credentials"):
        stored(Credentials(2, "other", "key", "secret", "https://api.github.com"), tmp_path)
    with pytest.raises(ForgeError, match="already holds an App's credentials"):
        create(Site(github.api), None, WEBHOOK, tmp_path, print)
    assert json.loads((tmp_path / "app.json").read_text())["app_id"] == 1


def test_the_manifest_asks_for_what_the_tokens_ask_for() -> None:
    asked = json.loads(manifest(WEBHOOK, "http://127.0.0.1:1/registered"))
    assert asked["default_permissions"] == dict(Rights.PUBLISH.value)
    assert asked["hook_attributes"] == {"url": WEBHOOK, "active": True}
    assert not asked["public"]


@pytest.mark.parametrize(
    "webhook", ["", "perfbot.example.org", "http://perfbot.example.org", "ftp://x"]
)
def test_a_webhook_without_https_is_refused(webhook: str, tmp_path: Path) -> None:
    with pytest.raises(ForgeError, match="cannot receive webhooks"):
        create(Site(), None, webhook, tmp_path / "app", print)
    with pytest.raises(ForgeError, match="cannot be an organization"):
        create(Site(), "../settings", WEBHOOK, tmp_path / "app", print)
