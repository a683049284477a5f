"""``perfbot app create``: registers a GitHub App in the operator's browser and keeps what GitHub gives out."""

import sys
import threading
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

from perfbot.bot.app_credentials import KEY, WEBHOOK_SECRET, own_folder
from perfbot.bot.app_manifest import create
from perfbot.bot.config import process_environment
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.forge import ForgeError
from perfbot.bot.github_session import Site
from perfbot.bot.serving_options import AppCreateOptions

OPEN = """\
Open this page in a browser that is signed in to GitHub as who is to own the App:
  {address}
On another machine than this: ssh -L {port}:127.0.0.1:{port} THIS_MACHINE first. Ctrl-C ends the waiting.
"""
CREATED = """\
The App {slug} (number {app_id}) is registered; its credentials are in {folder}, for this user alone:
  {secret:<15}  for perfbot serve --secret-file
  {key:<15}  for perfbot worker, which finds it {found}
Install it where it is to work: {site}/apps/{slug}/installations/new
"""
BY_ITSELF = "by itself"
BY_VARIABLE = "where PERFBOT_APP is {folder}"
_GRAPHICAL = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}  # else only browsers for terminals are found
NOT_KEPT = (
    "the App's credentials cannot be kept in {folder}: {why}; give another folder with --folder"
)


def run(options: AppCreateOptions) -> Exit:
    """Lead the operator's browser to GitHub and back.

    Raises:
        RunError: an argument is no good, GitHub refuses, or the credentials cannot be kept.
    """
    folder = options.folder or own_folder()
    try:
        _check_writable(folder)
        site = Site(options.base_url)
        made = create(site, options.organization, options.webhook, folder, _show)
    except ForgeError as error:
        raise RunError(Exit.USAGE, str(error)) from None
    except OSError as error:
        raise RunError(Exit.USAGE, NOT_KEPT.format(folder=folder, why=error.strerror)) from None
    found = BY_VARIABLE.format(folder=folder) if options.folder else BY_ITSELF
    told = CREATED.format(
        slug=made.slug,
        app_id=made.app_id,
        folder=folder,
        secret=WEBHOOK_SECRET,
        key=KEY,
        found=found,
        site=site.web,
    )
    sys.stdout.write(told)
    return Exit.DONE


def _check_writable(folder: Path) -> None:
    """Find out before GitHub gives its secrets out, which it does once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = folder / ".perfbot-probe"
    probe.touch(mode=0o600)
    probe.unlink()


def _show(address: str) -> None:
    sys.stderr.write(OPEN.format(address=address, port=urlsplit(address).port))
    sys.stderr.flush()
    if sys.platform == "darwin" or _GRAPHICAL & process_environment().keys():
        # In a thread, as some browsers come back when they are closed only.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
