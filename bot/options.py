"""What each verb of the command line takes: its arguments declared, then read into a typed record.

Imports nothing but the standard library and small modules, so that ``perfbot --help`` is quick.
"""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from perfbot.bot.durations import parse_duration
from perfbot.bot.exits import Exit, RunError


@dataclass(frozen=True, slots=True)
class OptimizeOptions:
    """``perfbot optimize``; None and empty mean that nothing was said.

    ``interpreter`` is the Python to prefer where the repository names none and has none of its own;
    no argument sets it, the Action does.
    """

    repository: Path
    functions: tuple[str, ...] = ()
    config: Path | None = None
    time_budget_s: float | None = None
    profile: Path | None = None
    report: Path | None = None
    apply: bool = False
    json: bool = False
    trust_repository: bool = False
    interpreter: Path | None = None

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        _declare_functions(parser)
        parser.add_argument(
            "--config", type=Path, metavar="FILE", help="read FILE instead of REPO/.perfbot.yml"
        )
        parser.add_argument(
            "--time-budget",
            type=_duration_s,
            metavar="TIME",
            help="stop looking after TIME, such as 90s or 15m (default: as configured, else 15m)",
        )
        parser.add_argument(
            "--profile",
            type=_file,
            metavar="FILE",
            help="take the hotspots from a real run: pstats, speedscope or py-spy output",
        )
        parser.add_argument(
            "--report",
            type=Path,
            metavar="DIR",
            help="write the report, the patches and the samples to DIR "
            "(default: a new folder in the state folder)",
        )
        parser.add_argument("--apply", action="store_true", help="write accepted changes into REPO")
        _declare_json(parser)
        _declare_trust(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        return cls(
            repository=_folder(chosen.repository),
            functions=tuple(chosen.function),
            config=chosen.config,
            time_budget_s=chosen.time_budget,
            profile=chosen.profile,
            report=chosen.report,
            apply=chosen.apply,
            json=chosen.json,
            trust_repository=chosen.trust_repository,
        )


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """``perfbot profile``."""

    repository: Path
    json: bool = False
    trust_repository: bool = False

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        _declare_json(parser)
        _declare_trust(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        return cls(_folder(chosen.repository), chosen.json, chosen.trust_repository)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """``perfbot plan``."""

    repository: Path
    function: str
    json: bool = False
    trust_repository: bool = False

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        parser.add_argument(
            "--function",
            type=_function,
            required=True,
            metavar="FILE::QUALNAME",
            help="the function to plan for, such as src/shop/cart.py::Cart.total",
        )
        _declare_json(parser)
        _declare_trust(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        return cls(
            _folder(chosen.repository), chosen.function, chosen.json, chosen.trust_repository
        )


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """``perfbot verify``."""

    repository: Path
    patch: Path
    functions: tuple[str, ...] = ()
    json: bool = False
    trust_repository: bool = False

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        parser.add_argument(
            "--patch", type=_file, required=True, metavar="FILE", help="the patch to judge"
        )
        _declare_functions(parser)
        _declare_json(parser)
        _declare_trust(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        functions = tuple(chosen.function)
        return cls(
            _folder(chosen.repository),
            chosen.patch,
            functions,
            chosen.json,
            chosen.trust_repository,
        )


@dataclass(frozen=True, slots=True)
class DoctorOptions:
    """``perfbot doctor``."""

    repository: Path
    json: bool = False

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        _declare_json(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        return cls(_folder(chosen.repository), chosen.json)


@dataclass(frozen=True, slots=True)
class InitOptions:
    """``perfbot init``."""

    repository: Path

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        return cls(_folder(chosen.repository))


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
            type=_duration_s,
            default=15.0,
            metavar="TIME",
            help="take over the jobs of a worker that was silent for so long (default: 15s); "
            "the same for all workers of one database",
        )

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        return cls(chosen.jobs, chosen.dead_after)


def function_name(text: str) -> str:
    """Return ``FILE::QUALNAME`` with a clean FILE; raises ValueError when it is no such name.

    The two are split at the last ``::``; FILE is a POSIX path relative to the repository.
    """
    path, separator, qualname = text.rpartition("::")
    path = path.removeprefix("./")
    if not separator or not path or not qualname.strip():
        raise ValueError(f"{text!r} is no FILE::QUALNAME; write src/shop/cart.py::Cart.total")
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path!r} must be a path relative to REPO")
    return f"{path}::{qualname.strip()}"


def _declare_repository(parser: ArgumentParser) -> None:
    parser.add_argument(
        "repository",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="REPO",
        help="the repository's folder (default: the current one)",
    )


def _declare_functions(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--function",
        action="append",
        type=_function,
        default=[],
        metavar="FILE::QUALNAME",
        help="look at this function, such as src/shop/cart.py::Cart.total; may be repeated",
    )


def _declare_json(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document on standard output"
    )


def _declare_trust(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--trust-repository",
        action="store_true",
        help="run the repository's code without a sandbox: only for your own code",
    )


def _function(text: str) -> str:
    try:
        return function_name(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def _duration_s(text: str) -> float:
    try:
        duration_s = parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    if duration_s < 1:
        raise ArgumentTypeError("the time must be at least 1s")
    return duration_s


def _folder(path: Path) -> Path:
    """Check after parsing: else a mistyped option would be blamed on the word that follows it."""
    if not path.is_dir():
        raise RunError(Exit.USAGE, f"there is no folder {str(path)!r}")
    return path


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise ArgumentTypeError(f"there is no file {text!r}")
    return Path(text)


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is no HOST:PORT; write 0.0.0.0:8080")
    return host.strip("[]"), int(port)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to 64")
    return int(text)
