"""What the data stages share: a configuration file, a log, and outcomes that an interruption keeps.

A configuration is TOML; an unknown or missing setting is told by its name. Outcomes are kept line by
line under a key of everything that they depend on, so that a stage which is started again goes on
where it ended, and does over again only what would come out differently.
"""

import argparse
import hashlib
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

CANNOT_READ = "{path} cannot be read as a configuration: {why}"
NO_FOLDER = "{path} cannot be written: {why}"

C = TypeVar("C")


class StageError(Exception):
    """A stage cannot go on; the message says what is wrong and where."""


def configured(kind: type[C], argv: Sequence[str] | None, about: str) -> tuple[C, Path]:
    """Return the configuration that ``--config FILE`` names, and the folder that it stands in.

    Raises:
        StageError: there is no such file, or it has something else in it.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--config", required=True, type=Path, help="a TOML file")
    path: Path = parser.parse_args(argv).config
    try:
        loaded = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(loaded, kind), path.parent
    except (OSError, UnicodeDecodeError, ValueError, msgspec.ValidationError) as error:
        raise StageError(CANNOT_READ.format(path=path, why=error)) from error


def say(text: str) -> None:
    """Tell a person how far a stage is."""
    print(text, file=sys.stderr, flush=True)


def key_of(*parts: object) -> str:
    """Return the key of everything that an outcome depends on."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode(errors="backslashreplace"))
    return digest.hexdigest()[:32]


class _Line(msgspec.Struct, frozen=True):
    key: str
    outcome: msgspec.Raw


@dataclass(slots=True)
class Kept:
    """Outcomes of an earlier run by their keys, and the file to which new ones are added.

    The last line of a run that was killed may be cut; it is dropped, and its work done again.
    """

    path: Path
    found: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def opened(cls, path: Path) -> "Kept":
        """Return what a file holds, an empty one where it is not there yet.

        Raises:
            StageError: the folder cannot be made, or the file cannot be read.
        """
        kept = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = path.read_bytes().split(b"\n") if path.is_file() else []
        except OSError as error:
            raise StageError(NO_FOLDER.format(path=path, why=error)) from error
        for line in lines:
            try:
                told = msgspec.json.decode(line, type=_Line)
            except msgspec.DecodeError:
                continue
            kept.found[told.key] = bytes(told.outcome)
        return kept

    def add(self, key: str, outcome: bytes) -> None:
        """Write an outcome (JSON without line ends) down before anything else is done.

        Raises:
            StageError: there is no room for it.
        """
        self.found[key] = outcome
        line = msgspec.json.encode(_Line(key, msgspec.Raw(outcome)))
        try:
            with self.path.open("ab") as file:
                file.write(b"\n" + line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StageError(NO_FOLDER.format(path=self.path, why=error)) from error


def table(counts: Mapping[str, int], heading: str) -> str:
    """Return counts as a Markdown table, the most frequent first."""
    rows = [f"| {heading} | |", "|---|---|"]
    rows += [f"| {name} | {count:,} |" for name, count in sorted(counts.items(), key=_by_count)]
    return "\n".join(rows)


def _by_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
