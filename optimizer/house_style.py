"""How a project wants its code to look: the formatters that it has configured, and its line length.

Only read, never run: a project's own tools and plugins are its code. All values are checked, since
the files are a stranger's; what is not understood counts as not there.
"""

import configparser
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import PurePosixPath

import yaml

Read = Callable[[str], bytes | None]  # a file of the project by its path, None where there is none

RUFF = "ruff format"
BLACK = "black"
OWN = "the file's own"  # no formatter is configured

_DEFAULT_WIDTH = 88  # of both
_WIDEST = 320  # columns that ruff takes
_LARGEST_BYTES = 1 << 17  # of a file with settings; YAML is slow to read
_WIDTH_KEYS = ("max-line-length", "max_line_length", "column_limit")
_WIDTH_FILES = {  # what checks or formats lines, and ruff cannot imitate
    ".style.yapf": ("style",),
    ".flake8": ("flake8",),
    "setup.cfg": ("yapf", "flake8", "pycodestyle"),
    "tox.ini": ("flake8", "pycodestyle"),
}


class Quotes(StrEnum):
    """How strings are quoted, in ruff's words."""

    DOUBLE = "double"
    SINGLE = "single"
    PRESERVE = "preserve"


@dataclass(frozen=True, slots=True)
class Formatter:
    """A formatter with its settings; ``name`` is for people, ``width`` in columns."""

    name: str
    width: int = _DEFAULT_WIDTH
    quotes: Quotes = Quotes.DOUBLE
    indent_width: int = 4
    tabs: bool = False
    magic_comma: bool = True

    @property
    def options(self) -> tuple[str, ...]:
        """The settings as ruff's command line takes them."""
        values = {
            "line-length": str(self.width),
            "indent-width": str(self.indent_width),
            "format.indent-style": '"tab"' if self.tabs else '"space"',
            "format.quote-style": f'"{self.quotes}"',
            "format.skip-magic-trailing-comma": "false" if self.magic_comma else "true",
        }
        return tuple(
            part for key, value in values.items() for part in ("--config", f"{key}={value}")
        )


@dataclass(frozen=True, slots=True)
class HouseStyle:
    """What a project says of its style: formatters, the likeliest first, and columns where it says so."""

    formatters: tuple[Formatter, ...]
    width: int | None = None


def house_style(read: Read, path: str) -> HouseStyle:
    """Return the style that is configured for the file at ``path``; the nearest folder's word counts.

    Behind what is configured stands black's layout, in which many files are without saying so.
    """
    found: dict[str, Formatter] = {}
    widths: list[int] = []
    for folder in PurePosixPath(path).parents:
        for each in _formatters(read, folder):
            found.setdefault(each.name, each)
        widths.extend(_widths(read, folder))
    widths = [*(each.width for each in found.values()), *widths]
    width = widths[0] if widths else None
    own = Formatter(OWN, width or _DEFAULT_WIDTH, Quotes.PRESERVE)
    return HouseStyle((*found.values(), own), width)


def _formatters(read: Read, folder: PurePosixPath) -> Iterator[Formatter]:
    project = _table(_toml(read, folder / "pyproject.toml"), "tool")
    for name in (".ruff.toml", "ruff.toml"):
        if settings := _toml(read, folder / name):
            yield _ruff(settings)
    if "ruff" in project:
        yield _ruff(_table(project, "ruff"))
    if "black" in project:
        yield _black(_table(project, "black"))
    for hook in _hooks(read, folder):
        match hook.get("id"):
            case "ruff-format":
                yield Formatter(RUFF)
            case "black" | "black-jupyter":
                yield _black_by_arguments(hook.get("args"))


def _ruff(settings: Mapping[str, object]) -> Formatter:
    """Read ruff's settings (https://docs.astral.sh/ruff/settings/#format)."""
    layout = _table(settings, "format")
    quotes = layout.get("quote-style")
    return Formatter(
        RUFF,
        _width(settings.get("line-length")) or _DEFAULT_WIDTH,
        next((each for each in Quotes if each == quotes), Quotes.DOUBLE),
        _whole(settings.get("indent-width"), 1, 16) or 4,
        layout.get("indent-style") == "tab",
        layout.get("skip-magic-trailing-comma") is not True,
    )


def _black(settings: Mapping[str, object]) -> Formatter:
    """Read black's settings (its documentation, "Configuration via a file")."""
    keeps = settings.get("skip-string-normalization") is True
    return Formatter(
        BLACK,
        _width(settings.get("line-length")) or _DEFAULT_WIDTH,
        Quotes.PRESERVE if keeps else Quotes.DOUBLE,
        magic_comma=settings.get("skip-magic-trailing-comma") is not True,
    )


def _black_by_arguments(arguments: object) -> Formatter:
    given = [str(each) for each in arguments] if isinstance(arguments, list) else []
    words = [word for each in given for word in each.replace("=", " ").split()]
    settings: dict[str, object] = {
        "skip-string-normalization": bool({"-S", "--skip-string-normalization"} & {*words}),
        "skip-magic-trailing-comma": bool({"-C", "--skip-magic-trailing-comma"} & {*words}),
    }
    for option, value in pairwise(words):
        if option in {"-l", "--line-length"}:
            settings["line-length"] = _number(value)
    return _black(settings)


def _hooks(read: Read, folder: PurePosixPath) -> Iterator[Mapping[object, object]]:
    """Yield the hooks of pre-commit (https://pre-commit.com/#pre-commit-configyaml---hooks)."""
    content = _content(read, folder / ".pre-commit-config.yaml")
    document: object = None
    with suppress(yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        document = yaml.safe_load(content)
    for repository in _each(document, "repos"):
        yield from _each(repository, "hooks")


def _each(of: object, key: str) -> Iterator[Mapping[object, object]]:
    items = of.get(key) if isinstance(of, Mapping) else None
    return (
        each for each in (items if isinstance(items, list) else ()) if isinstance(each, Mapping)
    )


def _widths(read: Read, folder: PurePosixPath) -> Iterator[int]:
    """Yield the line lengths that other tools of a folder are told."""
    project = _table(_toml(read, folder / "pyproject.toml"), "tool")
    sections = [_table(project, name) for name in ("yapf", "flake8", "pycodestyle", "autopep8")]
    sections += [
        section
        for name, wanted in _WIDTH_FILES.items()
        for section in _sections(read, folder / name, wanted)
    ]
    for section in sections:
        for key in _WIDTH_KEYS:
            if width := _width(_number(section.get(key))):
                yield width


def _sections(
    read: Read, path: PurePosixPath, wanted: tuple[str, ...]
) -> Iterator[Mapping[str, object]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with suppress(configparser.Error, UnicodeDecodeError):
        parser.read_string(_content(read, path).decode())
        yield from (dict(parser[name]) for name in wanted if name in parser)


def _toml(read: Read, path: PurePosixPath) -> Mapping[str, object]:
    try:
        return tomllib.loads(_content(read, path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def _content(read: Read, path: PurePosixPath) -> bytes:
    content = read(path.as_posix()) or b""
    return content if len(content) <= _LARGEST_BYTES else b""


def _table(of: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _width(value: object) -> int | None:
    return _whole(value, 20, _WIDEST)


def _whole(value: object, least: int, most: int) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and isinstance(value, int) and least <= value <= most else None
