"""What each verb of the command line takes: its arguments declared, then read into a typed record.

Imports nothing but the standard library and small modules, so that ``perfbot --help`` is quick.
"""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from perfbot.bot.durations import parse_duration
from perfbot.bot.exits import Exit, RunError


@dataclass(frozen=True, slots=True)
class Behalf:
    """For whom a run is, where the bot starts it.

    ``scan``: nobody waits for it. ``known_as`` names the repository, of which REPO is one copy of
    many.
    """

    scan: bool = False
    known_as: str = ""

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add the arguments, which are between perfbot and itself."""
        parser.add_argument("--scan", action="store_true", help=SUPPRESS)
        parser.add_argument("--known-as", default="", help=SUPPRESS)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        return cls(chosen.scan, chosen.known_as)


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
    replay: str | None = None
    hint: str = ""
    behalf: Behalf = Behalf()

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        _declare_functions(parser)
        _declare_config(parser)
        _declare_time(parser)
        parser.add_argument(
            "--profile",
            type=existing_file,
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
        parser.add_argument(
            "--replay",
            metavar="TRANSCRIPT",
            help="propose again what a transcript holds and ask no model: the transcript.jsonl of a "
            "report, or the name of a run that `perfbot export --runs` lists",
        )
        parser.add_argument(
            "--hint",
            default="",
            metavar="TEXT",
            help="tell the models what you know of the functions",
        )
        parser.add_argument("--apply", action="store_true", help="write accepted changes into REPO")
        _declare_json(parser)
        _declare_trust(parser)
        Behalf.declare(parser)

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
            replay=chosen.replay,
            apply=chosen.apply,
            json=chosen.json,
            trust_repository=chosen.trust_repository,
            hint=chosen.hint,
            behalf=Behalf.read(chosen),
        )


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """``perfbot profile``.

    With ``survey`` the document says as well which functions are worth a search, of all or of
    ``functions``.
    """

    repository: Path
    json: bool = False
    trust_repository: bool = False
    config: Path | None = None
    functions: tuple[str, ...] = ()
    survey: bool = False
    behalf: Behalf = Behalf()

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        _declare_config(parser)
        parser.add_argument("--survey", action="store_true", help=SUPPRESS)
        parser.add_argument(
            "--function", action="append", type=_function, default=[], help=SUPPRESS
        )
        _declare_json(parser)
        _declare_trust(parser)
        Behalf.declare(parser)

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments; raises RunError when REPO is no folder."""
        return cls(
            repository=_folder(chosen.repository),
            json=chosen.json,
            trust_repository=chosen.trust_repository,
            config=chosen.config,
            functions=tuple(chosen.function),
            survey=chosen.survey,
            behalf=Behalf.read(chosen),
        )


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
    config: Path | None = None
    time_budget_s: float | None = None
    behalf: Behalf = Behalf()

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        _declare_repository(parser)
        _declare_config(parser)
        _declare_time(parser)
        Behalf.declare(parser)
        parser.add_argument(
            "--patch", type=existing_file, required=True, metavar="FILE", help="the patch to judge"
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
            chosen.config,
            chosen.time_budget,
            Behalf.read(chosen),
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
class ExportOptions:
    """``perfbot export``; without ``pairs`` the runs are listed. ``since_s`` counts from 1970."""

    pairs: Path | None
    since_s: float = 0.0
    everything: bool = False
    prompts: bool = False

    @classmethod
    def declare(cls, parser: ArgumentParser) -> None:
        """Add this verb's arguments."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--pairs",
            type=Path,
            metavar="FILE",
            help="write slow and fast versions with what was measured to FILE, as JSON Lines",
        )
        what.add_argument("--runs", action="store_true", help="list the runs that are kept")
        parser.add_argument(
            "--since",
            type=_date_s,
            default=0.0,
            metavar="DATE",
            help="only runs that began at or after DATE, such as 2026-11-30",
        )
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--accepted",
            action="store_true",
            help="only functions with an accepted version (the default)",
        )
        which.add_argument(
            "--all",
            dest="everything",
            action="store_true",
            help="also functions for which nothing was accepted",
        )
        parser.add_argument(
            "--prompts", action="store_true", help="with what models were asked and what they said"
        )

    @classmethod
    def read(cls, chosen: Namespace) -> Self:
        """Return the record of parsed arguments."""
        return cls(chosen.pairs, chosen.since, chosen.everything, chosen.prompts)


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


def _declare_config(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="read FILE instead of REPO/.perfbot.yml"
    )


def _declare_time(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--time-budget",
        type=duration_s,
        metavar="TIME",
        help="stop looking after TIME, such as 90s or 15m (default: as configured, else 15m)",
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


def duration_s(text: str) -> float:
    """Read a time such as ``15m``, in seconds; raises ArgumentTypeError for anything else."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    if seconds < 1:
        raise ArgumentTypeError("the time must be at least 1s")
    return seconds


def _date_s(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        told = f"{text!r} is no date; write 2026-11-30 or 2026-11-30T18:00"
        raise ArgumentTypeError(told) from None


def _folder(path: Path) -> Path:
    """Check after parsing: else a mistyped option would be blamed on the word that follows it."""
    if not path.is_dir():
        raise RunError(Exit.USAGE, f"there is no folder {str(path)!r}")
    return path


def existing_file(text: str) -> Path:
    """Return the path of a file; raises ArgumentTypeError where there is none."""
    if not Path(text).is_file():
        raise ArgumentTypeError(f"there is no file {text!r}")
    return Path(text)
