"""``perfbot serve``: the webhook server's process, which holds the webhook secret and nothing else."""

import logging
import socket
from collections.abc import Mapping
from pathlib import Path

from waitress.server import create_server

from perfbot.bot.config import Operator, process_environment
from perfbot.bot.database import DatabaseError
from perfbot.bot.deliveries import LARGEST_BYTES, SecretError, Secrets
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.inbox import Inbox
from perfbot.bot.logs import to_standard_error
from perfbot.bot.server import application
from perfbot.bot.serving_options import ServeOptions

SECRET_VARIABLE = "PERFBOT_WEBHOOK_SECRET"  # noqa: S105 - the variable's name, not a secret
DATABASE_VARIABLE = "PERFBOT_DATABASE_URL"
UNREADABLE = "the secret file {file} cannot be read: {why}"
NO_PORT = "{host}:{port} cannot be listened on: {why}; choose another with {option}"
NO_FOLDER = (
    "the state folder {folder} cannot be made: {why}. Set XDG_STATE_HOME to a folder that can be written "
    "to, or PERFBOT_DATABASE_URL to a PostgreSQL database"
)
_THREADS = 8
_CONNECTIONS = 200  # slow ones take memory or disk, not threads: those get whole requests only
_SILENT_S = 30

_log = logging.getLogger("perfbot.server")


def run(options: ServeOptions) -> Exit:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        RunError: there is no proper secret, no database, or no port to listen on.
    """
    environ = process_environment()
    secrets = _secrets(options.secret_file, environ)
    to_standard_error()
    try:
        inbox = Inbox(deliveries_url(environ))
    except DatabaseError as error:
        raise RunError(Exit.USAGE, str(error)) from None
    listening = bound(options.host, options.port, "--listen")
    server = create_server(
        application(inbox, secrets),
        sockets=[listening],
        threads=_THREADS,
        connection_limit=_CONNECTIONS,
        channel_timeout=_SILENT_S,
        max_request_body_size=LARGEST_BYTES + 1,
        ident=None,
    )
    _log.info("listening on %s:%s", *listening.getsockname()[:2])
    server.run()
    inbox.close()
    return Exit.INTERRUPTED


def deliveries_url(environ: Mapping[str, str]) -> str:
    """Return where deliveries are kept: the operator's database, or a file in the state folder."""
    return environ.get(DATABASE_VARIABLE) or _file("deliveries.sqlite")


def jobs_url(environ: Mapping[str, str]) -> str:
    """Return where jobs are kept; a file of its own, so that no answer waits for a job's writing."""
    return environ.get(DATABASE_VARIABLE) or _file("jobs.sqlite")


def _file(name: str) -> str:
    folder = Operator.from_environment().state / "bot"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise RunError(Exit.USAGE, NO_FOLDER.format(folder=folder, why=error.strerror)) from None
    return f"sqlite:///{folder / name}"


def _secrets(file: Path | None, environ: Mapping[str, str]) -> Secrets:
    try:
        text = environ.get(SECRET_VARIABLE, "") if file is None else file.read_text("utf-8")
        return Secrets.read(text)
    except SecretError as error:
        raise RunError(Exit.USAGE, str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise RunError(Exit.USAGE, UNREADABLE.format(file=file, why=why)) from None


def bound(host: str, port: int, option: str) -> socket.socket:
    """Return a socket that listens; ``option`` is where the operator chose its address.

    Raises:
        RunError: the address cannot be listened on.
    """
    try:
        return socket.create_server((host, port), family=_family(host), backlog=1024)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        told = NO_PORT.format(host=host, port=port, why=why, option=option)
        raise RunError(Exit.USAGE, told) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
