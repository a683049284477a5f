"""What of a run is kept on this machine, as the operator and the repository want it.

The repository's file can only ask for less than the operator keeps.
"""

import os
import re
import secrets
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from perfbot.bot import git
from perfbot.bot.config import Operator, Telemetry
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.marked_yaml import ConfigError, read_mapping
from perfbot.bot.operator_models import keys, offered
from perfbot.optimizer.examples import RememberedPairs
from perfbot.optimizer.journal import Journal, Unkept
from perfbot.optimizer.recorded import Keep, Run, Transcript, TranscriptError, read_file
from perfbot.optimizer.recorder import ENDED, Recorder
from perfbot.optimizer.redaction import Redaction
from perfbot.optimizer.routing import Rule
from perfbot.optimizer.routing_history import outcomes, versions
from perfbot.optimizer.transcript import Store
from perfbot.optimizer.transcript_file import FILE_NAME

NO_FILE = (
    "there is no file {name}: --replay takes a transcript.jsonl, or a run of perfbot export --runs"
)
NONE_YET = "{file} is not there: no run was recorded on this machine yet"

SETTINGS_NAME = "transcripts.yml"

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:API|ACCESS|PRIVATE|SECRET)?KEYS?(?:_|$)|TOKEN|SECRET|PASSW|CREDENTIAL",
    re.IGNORECASE,
)
_RUNS_LEARNED_FROM = 100
_TRANSCRIPT = ".jsonl"
_LEAST_SECRET_CHARACTERS = 8  # of a variable's value: a short one is a setting
_LONGEST_LICENCE = 100
_LARGEST_METADATA_BYTES = 1 << 20


class Examples(StrEnum):
    """Whose earlier pairs a model may be shown."""

    OWN = "own"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator of this machine wants: what is kept at most, and whose pairs are examples."""

    keep: Telemetry = Telemetry.LOCAL
    examples: Examples = Examples.OWN


@dataclass
class Kept:
    """The journal of one run and what came of it; ``run`` is ``""`` where it was not kept as a whole."""

    journal: Journal
    folder: Path
    run: str = ""
    notes: list[str] = field(default_factory=list)

    def transcript(self) -> Transcript | None:
        """Return what was kept, ``None`` where that is nothing or not everything."""
        if not self.run:
            return None
        try:
            with _lent(self.folder) as store:
                return store.transcript(self.run)
        except TranscriptError as error:
            self.notes.append(ENDED.format(why=error))
            return None


@contextmanager
def keeping(
    repository: Path,
    telemetry: Telemetry,
    operator: Operator,
    environ: Mapping[str, str],
    settings: Mapping[str, str],
    known_as: str = "",
) -> Iterator[Kept]:
    """Keep a run's transcript while the body runs; what goes wrong is said in ``Kept.notes`` then.

    Raises:
        RunError: Git is missing, or the operator's files are wrong.
    """
    telemetry = max(telemetry, wishes(operator).keep, key=list(Telemetry).index)
    if telemetry is Telemetry.NONE:
        yield Kept(Unkept(), operator.state)
        return
    keep = Keep.REDACTED if telemetry is Telemetry.REDACTED else Keep.LOCAL
    run = _run(repository, keep, settings, identified(repository, known_as))
    redaction = Redaction(secrets_of(operator, environ), source=keep is Keep.REDACTED)
    try:
        store = Store.open(operator.state, redaction)
    except TranscriptError as error:
        yield Kept(Unkept(), operator.state, notes=[ENDED.format(why=error)])
        return
    recorder = Recorder(store, run)
    kept = Kept(recorder, operator.state, run.run, [store.note] if store.note else [])
    ended = False
    try:
        yield kept
        ended = True
    finally:
        recorder.close(ended=ended)
        if recorder.trouble:
            kept.run = ""
            kept.notes.append(ENDED.format(why=recorder.trouble))


def recorded(name: str, operator: Operator) -> Transcript:
    """Return the transcript that a user names: a file, or a run that is kept on this machine.

    Raises:
        RunError: there is none of that name, or it cannot be read.
    """
    try:
        if os.path.lexists(name):
            return read_file(Path(name))
        if os.sep in name or name.endswith(_TRANSCRIPT):
            raise RunError(Exit.USAGE, NO_FILE.format(name=name))
        with opened(operator) as store:
            return store.transcript(name)
    except TranscriptError as error:
        raise RunError(Exit.USAGE, str(error)) from error


@contextmanager
def opened(operator: Operator) -> Iterator[Store]:
    """Lend this machine's transcripts to be read.

    Raises:
        TranscriptError: there are none, or they cannot be used.
    """
    if not (operator.state / FILE_NAME).exists():
        raise TranscriptError(NONE_YET.format(file=operator.state / FILE_NAME))
    with _lent(operator.state) as store:
        yield store


@contextmanager
def _lent(folder: Path) -> Iterator[Store]:
    store = Store.open(folder)
    try:
        yield store
    finally:
        store.close()


def remembered(identity: str, operator: Operator) -> RememberedPairs:
    """Return what models are shown of earlier runs: of the same repository, unless the operator says all.

    Raises:
        ConfigError: the operator's file is wrong.
    """
    everywhere = wishes(operator).examples is Examples.EVERYWHERE
    return RememberedPairs(operator.state, None if everywhere else identity)


def learned(identity: str, operator: Operator, larger: str) -> Rule:
    """Return when the larger model is asked, as earlier runs on the repository teach.

    Where none are kept, or too few, the rule is computed.
    """
    try:
        with opened(operator) as store:
            runs = store.runs(identity)[:_RUNS_LEARNED_FROM]
            found = [store.transcript(each.run) for each in reversed(runs)]
    except TranscriptError:
        return Rule()
    functions = (function for each in found for function in each.functions)
    return Rule([*outcomes(map(versions, functions), larger)])


def wishes(operator: Operator) -> Wishes:
    """Read the operator's file; the defaults where there is none.

    Raises:
        ConfigError: the file is wrong.
    """
    path = operator.configuration / SETTINGS_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Wishes()
    except OSError as error:
        raise ConfigError(str(path), 1, "", f"cannot be read: {error.strerror}") from None
    top = read_mapping(content, str(path))
    top.allow("keep", "examples")
    return Wishes(top.choice("keep", Telemetry.LOCAL), top.choice("examples", Examples.OWN))


def identified(repository: Path, known_as: str = "") -> str:
    """Return whose code it is: as the caller knows it, else its place.

    What the repository says of itself can be made up.
    """
    return known_as or str(repository.resolve())


def secrets_of(operator: Operator, environ: Mapping[str, str]) -> frozenset[str]:
    """Return the values that must not be kept: the operator's keys, and what the environment hides.

    Raises:
        RunError: the operator's files or variables are wrong.
    """
    hidden = {value.strip() for name, value in environ.items() if _SECRET_NAME.search(name)}
    long = (each for each in hidden if len(each) >= _LEAST_SECRET_CHARACTERS)
    return keys(offered(operator, environ)).union(long)


def _run(repository: Path, keep: Keep, settings: Mapping[str, str], identity: str) -> Run:
    revision = git.revision(repository)
    return Run(
        time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(3),
        identity,
        revision.commit,
        revision.dirty,
        _licence(repository),
        version("perfbot"),
        keep,
        settings,
        time.time(),
    )


def _licence(repository: Path) -> str | None:
    """Return what pyproject.toml says of the licence, in the project's own words."""
    try:
        with (repository / "pyproject.toml").open("rb") as stream:
            content = stream.read(_LARGEST_METADATA_BYTES).decode()
        project = tomllib.loads(content).get("project")
    except (OSError, ValueError, RecursionError):
        return None
    told = project.get("license") if isinstance(project, dict) else None
    told = told.get("text") if isinstance(told, dict) else told
    return told[:_LONGEST_LICENCE] if isinstance(told, str) else None
