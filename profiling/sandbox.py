"""The door to processes of the target: the types that the rest of profiling/ speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process tree may use."""

    wall_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Command:
    """One process to run, and all that it may see."""

    argv: tuple[str, ...]
    cwd: Path
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    limits: Limits = Limits()
    network: bool = False


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a command."""

    returncode: int
    stdout: bytes
    stderr: bytes
    results: bytes
    ending: str
    wall_s: float
    cpu_s: float


class Sandbox(Protocol):
    """Runs commands."""

    @property
    def level(self) -> str:
        """Name how well the target is confined."""

    def run(self, command: Command) -> Completed:
        """Run a command to its end."""
