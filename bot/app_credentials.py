"""Where a worker finds the GitHub App that it speaks for: the folder of ``perfbot app create``, or variables.

The key lies in a file of its own and never in the environment, which every child process could inherit.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from perfbot.bot.config import Operator
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.key_files import KeyFileError, read_key

FOLDER_VARIABLE = "PERFBOT_APP"
ID_VARIABLE = "PERFBOT_APP_ID"
KEY_FILE_VARIABLE = "PERFBOT_APP_KEY_FILE"
URL_VARIABLE = "PERFBOT_GITHUB_URL"
PUBLIC_API = "https://api.github.com"
ABOUT, KEY, WEBHOOK_SECRET = "app.json", "private-key.pem", "webhook-secret"

NO_APP = (
    "{folder} holds no GitHub App: register one with `perfbot app create`, or name it with "
    f"{FOLDER_VARIABLE}, or with {ID_VARIABLE} and {KEY_FILE_VARIABLE}"
)
TWO_APPS = f"{FOLDER_VARIABLE} names a whole App; leave out {{others}}"
HALF_AN_APP = f"{ID_VARIABLE} and {KEY_FILE_VARIABLE} go together; {{missing}} is not set"
NO_ID = "{where}: {id!r} is neither the number nor the client id of a GitHub App"
NO_ABOUT = "{file} is not as `perfbot app create` writes it: {why}"
NO_KEY = "the key of the GitHub App cannot be used: {why}"
_ID = re.compile(r"[0-9A-Za-z.]{1,100}")


@dataclass(frozen=True, slots=True)
class AppCredentials:
    """What opens GitHub to a worker; what is printed of it never shows the key.

    ``private_key`` is the PEM text that GitHub gave out, ``base_url`` the address of the API; whether
    they are any good is said by ``GitHubApp`` and ``Site``.
    """

    app_id: str
    private_key: str = field(repr=False)
    base_url: str = PUBLIC_API


class _About(msgspec.Struct, frozen=True):
    """What ``app.json`` says."""

    app_id: int
    slug: str
    base_url: str = PUBLIC_API


def load(environ: Mapping[str, str]) -> AppCredentials:
    """Return the App in the folder ``PERFBOT_APP``, or of ``PERFBOT_APP_ID`` and its fellows, else the own one.

    Raises:
        RunError: there is none, it is named twice or by half, or others can read its key.
    """
    named = [each for each in (ID_VARIABLE, KEY_FILE_VARIABLE, URL_VARIABLE) if environ.get(each)]
    if not environ.get(FOLDER_VARIABLE):
        return _of_variables(environ) if named else _of_folder(own_folder())
    if named:
        raise RunError(Exit.USAGE, TWO_APPS.format(others=" and ".join(named)))
    return _of_folder(Path(environ[FOLDER_VARIABLE]))


def own_folder() -> Path:
    """Return where ``perfbot app create`` puts an App unless it is told otherwise."""
    return Operator.from_environment().configuration / "app"


def about(app_id: int, slug: str, base_url: str) -> str:
    """Return the text of ``app.json``, which holds no secret."""
    return json.dumps({"app_id": app_id, "slug": slug, "base_url": base_url})


def _of_variables(environ: Mapping[str, str]) -> AppCredentials:
    for name in (ID_VARIABLE, KEY_FILE_VARIABLE):
        if not environ.get(name):
            raise RunError(Exit.USAGE, HALF_AN_APP.format(missing=name))
    app_id = environ[ID_VARIABLE]
    if not _ID.fullmatch(app_id):
        raise RunError(Exit.USAGE, NO_ID.format(where=ID_VARIABLE, id=app_id[:100]))
    key = _key(Path(environ[KEY_FILE_VARIABLE]))
    return AppCredentials(app_id, key, environ.get(URL_VARIABLE) or PUBLIC_API)


def _of_folder(folder: Path) -> AppCredentials:
    file = folder / ABOUT
    try:
        said = msgspec.json.decode(file.read_bytes(), type=_About)
    except FileNotFoundError:
        raise RunError(Exit.USAGE, NO_APP.format(folder=folder)) from None
    except OSError as error:
        raise RunError(Exit.USAGE, NO_ABOUT.format(file=file, why=error.strerror)) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RunError(Exit.USAGE, NO_ABOUT.format(file=file, why=error)) from None
    return AppCredentials(str(said.app_id), _key(folder / KEY), said.base_url)


def _key(path: Path) -> str:
    try:
        return read_key(path)
    except KeyFileError as error:
        raise RunError(Exit.USAGE, NO_KEY.format(why=error)) from None
