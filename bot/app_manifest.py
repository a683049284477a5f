"""Registering a GitHub App by its manifest: a page to press a button on, and credentials kept safe.

The operator's browser carries the manifest to GitHub and a code back; GitHub exchanges that code, once
and within an hour, for the App's key and secrets, which are written for this user's eyes only.
https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from perfbot.bot.app_credentials import ABOUT, KEY, WEBHOOK_SECRET, about
from perfbot.bot.forge import ForgeError, Trouble
from perfbot.bot.github_app import Rights
from perfbot.bot.github_session import Site, asking

EVENTS = ("issue_comment", "issues", "pull_request", "push")
NO_WEBHOOK = (
    "{url!r} cannot receive webhooks: give the https address under which this server is reached"
)
NO_NAME = "{name!r} cannot be an organization on GitHub"
EXISTS = "{folder} already holds an App's credentials; move them away, or give another folder"
_CODE = re.compile(r"[0-9A-Za-z_-]{1,200}")
WRONG_STATE = "That did not come from the page of this run. Start again."
REGISTERED = "GitHub has registered the App. You can close this page; the terminal says the rest."
PAGE = """<!doctype html><meta charset="utf-8"><title>Register perfbot</title>
<form action="{action}" method="post"><input type="hidden" name="manifest" value="{manifest}">
<p>GitHub will ask for a name and show which rights the App gets.</p>
<button>Register the App on GitHub</button></form>
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What GitHub gives out once; what is printed of it shows neither secret nor key."""

    app_id: int
    slug: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    base_url: str


def manifest(webhook: str, redirect: str) -> str:
    """Return the manifest of an App that may do what its tokens ask for, and no more.

    Raises ForgeError when ``webhook`` is no https address, except on loopback, where tests run.
    """
    parts = urlsplit(webhook)
    local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1"}
    if not (parts.hostname and (parts.scheme == "https" or local)):
        raise ForgeError(Trouble.REFUSED, NO_WEBHOOK.format(url=webhook))
    return json.dumps(
        {
            "name": "perfbot",
            "url": f"{parts.scheme}://{parts.netloc}",
            "hook_attributes": {"url": webhook, "active": True},
            "redirect_url": redirect,
            "public": False,
            "default_permissions": dict(Rights.PUBLISH.value),
            "default_events": EVENTS,
        }
    )


def exchanged(site: Site, code: str) -> Credentials:
    """Exchange the code that the browser brought back; raises ForgeError when GitHub does not know it."""
    with asking("exchange the code for the App's credentials"):
        address = f"/app-manifests/{code}/conversions"
        _, answer = site.anonymous().requester.requestJsonAndCheck("POST", address)
        return Credentials(
            int(answer["id"]),
            str(answer["slug"]),
            str(answer["pem"]),
            str(answer["webhook_secret"]),
            site.api,
        )


def stored(credentials: Credentials, folder: Path) -> Path:
    """Write ``app.json``, ``private-key.pem`` and ``webhook-secret``, readable by this user alone.

    Raises ForgeError when there are some already, OSError when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {
        KEY: credentials.private_key,
        WEBHOOK_SECRET: credentials.webhook_secret,
        ABOUT: about(credentials.app_id, credentials.slug, credentials.base_url),
    }
    if any((folder / name).exists() for name in files):
        raise ForgeError(Trouble.REFUSED, EXISTS.format(folder=folder))
    for name, text in files.items():
        only_new = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(folder / name, only_new, 0o600), "w") as file:
            file.write(text)
    return folder


def create(
    site: Site, organization: str | None, webhook: str, folder: Path, tell: Callable[[str], None]
) -> Credentials:
    """Serve the page on loopback until the App is registered and its credentials are in ``folder``.

    ``tell`` gets the address to open in a browser. Raises ForgeError when an argument is no good or
    GitHub refuses.
    """
    if organization is not None and not organization.replace("-", "").isalnum():
        raise ForgeError(Trouble.REFUSED, NO_NAME.format(name=organization))
    if (folder / ABOUT).exists():
        raise ForgeError(Trouble.REFUSED, EXISTS.format(folder=folder))
    owner = f"organizations/{organization}/" if organization else ""
    with _Desk() as desk:
        desk.offer(f"{site.web}/{owner}settings/apps/new", webhook)
        tell(desk.address)
        credentials = exchanged(site, desk.code())
    stored(credentials, folder)
    return credentials


class _Desk(HTTPServer):
    """A server for one browser and two pages: the way to GitHub and the way back."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Visit)
        self.address = f"http://127.0.0.1:{self.server_port}/"
        self.state = secrets.token_urlsafe(24)
        self.page = ""
        self.found: str | None = None

    def offer(self, target: str, webhook: str) -> None:
        """Put the form that leads to ``target`` on the page."""
        action = f"{target}?{urlencode({'state': self.state})}"
        text = manifest(webhook, self.address + "registered")
        self.page = PAGE.format(action=escape(action), manifest=escape(text))

    def code(self) -> str:
        """Wait for the browser to come back."""
        while self.found is None:
            self.handle_request()
        return self.found

    def brought(self, query: Mapping[str, list[str]]) -> bool:
        """Take the code that a browser brings, if it set out from this page."""
        state, code = query.get("state", [""])[0], query.get("code", [""])[0]
        if secrets.compare_digest(state.encode(), self.state.encode()) and _CODE.fullmatch(code):
            self.found = code
        return self.found is not None


class _Visit(BaseHTTPRequestHandler):
    server: _Desk
    timeout = 5  # browsers open connections in advance on which they say nothing

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/":
            self._say(200, self.server.page, "text/html")
        elif parts.path == "/registered" and self.server.brought(parse_qs(parts.query)):
            self._say(200, REGISTERED, "text/plain")
        else:
            self._say(400, WRONG_STATE, "text/plain")

    def _say(self, status: int, text: str, kind: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the way back carries a code."""
