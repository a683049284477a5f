"""What the verbs that serve are told: webhooks, jobs, and a model of one's own."""

import shlex
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from perfbot.bot.options import duration_s, existing_file

ENGINES = ("vllm", "transformers")
ROLES = ("planner", "optimizer")
PUBLIC_API = "https://api.github.com"


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """``perfbot serve``; without a file, secrets come from the environment."""

    host: str
    port: int
    secret_file: Path | None = None

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        parser.add_argument(
            "--listen",
            type=_address,
            default=("127.0.0.1", 8080),
            metavar="HOST:PORT",
            help="where to listen (default: 127.0.0.1:8080)",
        )
        parser.add_argument(
            "--secret-file",
            type=Path,
            metavar="FILE",
            help="the webhook secrets, one a line, newest first (default: $PERFBOT_WEBHOOK_SECRET)",
        )

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        host, port = chosen.listen
        return cls(host, port, chosen.secret_file)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """``perfbot worker``; ``dead_after_s`` is how long a worker may be silent until it counts as dead."""

    jobs: int = 1
    dead_after_s: float = 15.0
    metrics: tuple[str, int] | None = None

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        parser.add_argument(
            "--jobs",
            type=_count,
            default=1,
            metavar="N",
            help="how many jobs to work on at a time, each of another repository (default: 1)",
        )
        parser.add_argument(
            "--dead-after",
            type=duration_s,
            default=15.0,
            metavar="TIME",
            help="take over the jobs of a worker that was silent for so long (default: 15s); "
            "the same for all workers of one database",
        )
        parser.add_argument(
            "--metrics",
            type=_address,
            metavar="HOST:PORT",
            help="answer /metrics (Prometheus) and /healthz there (default: nowhere)",
        )

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        return cls(chosen.jobs, chosen.dead_after, chosen.metrics)


@dataclass(frozen=True, slots=True)
class AppCreateOptions:
    """``perfbot app create``; without a folder, the one where workers look by themselves."""

    webhook: str
    organization: str | None = None
    base_url: str = PUBLIC_API
    folder: Path | None = None

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add the verbs below ``app``, and this one's arguments."""
        below = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
        help = "register a GitHub App in a browser and keep its credentials"
        one = below.add_parser("create", help=help, description=f"{help[0].upper()}{help[1:]}.")
        one.add_argument(
            "--webhook",
            required=True,
            metavar="URL",
            help="where GitHub reaches perfbot serve, such as https://perfbot.example.org/webhook",
        )
        one.add_argument(
            "--organization", metavar="NAME", help="who is to own it (default: who is signed in)"
        )
        one.add_argument(
            "--base-url",
            default=PUBLIC_API,
            metavar="URL",
            help="the API of a GitHub Enterprise Server: https://HOST/api/v3",
        )
        one.add_argument(
            "--folder",
            type=Path,
            metavar="DIR",
            help="where to keep them (default: app in perfbot's configuration folder)",
        )

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        return cls(chosen.webhook, chosen.organization, chosen.base_url, chosen.folder)


@dataclass(frozen=True, slots=True)
class ServeModelsOptions:
    """``perfbot models serve``; without a directory the operator's file says which model it is.

    ``roles`` are whose lines of that file are meant; ``engine`` is the program that serves, of which
    ``python`` is the interpreter that has it, and ``engine_options`` are handed to it as they are.
    """

    directory: Path | None
    roles: tuple[str, ...] = ROLES
    engine: str = ENGINES[0]
    host: str = "127.0.0.1"
    port: int = 8000
    key_env: str | None = None
    key_file: Path | None = None
    python: Path | None = None
    engine_options: tuple[str, ...] = ()

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add the verbs below ``models``, and this one's arguments."""
        below = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
        help = "serve a model directory to perfbot, on this machine"
        one = below.add_parser("serve", help=help, description=f"{help.capitalize()}.")
        one.add_argument(
            "directory",
            nargs="?",
            type=Path,
            metavar="MODEL_DIR",
            help="config.json, tokenizer and *.safetensors (default: as models.yml names it)",
        )
        one.add_argument("--for", dest="role", choices=ROLES, help="what perfbot will ask of it")
        one.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="what serves it")
        one.add_argument("--host", default="127.0.0.1", help="the address to listen at")
        one.add_argument("--port", type=_port, default=8000, help="the port; 0: any free one")
        key = one.add_mutually_exclusive_group()
        key.add_argument(
            "--key-env", metavar="NAME", help="the environment variable with the server's key"
        )
        key.add_argument(
            "--key-file", type=existing_file, metavar="FILE", help="a file with that key"
        )
        one.add_argument(
            "--python",
            type=existing_file,
            metavar="FILE",
            help="the Python that has the engine installed",
        )
        one.add_argument(
            "--engine-options",
            type=shlex.split,
            default=[],
            metavar="TEXT",
            help="more for the engine's own command, such as '--tensor-parallel-size 2'",
        )

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        return cls(
            directory=chosen.directory,
            roles=(chosen.role,) if chosen.role else ROLES,
            engine=chosen.engine,
            host=chosen.host,
            port=chosen.port,
            key_env=chosen.key_env,
            key_file=None if chosen.key_file is None else Path(chosen.key_file),
            python=None if chosen.python is None else Path(chosen.python),
            engine_options=tuple(chosen.engine_options),
        )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise ArgumentTypeError(f"{text!r} is no port: 0 to 65535")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is no HOST:PORT; write 0.0.0.0:8080")
    return host.strip("[]"), int(port)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to 64")
    return int(text)
