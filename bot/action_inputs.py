"""The inputs of the Action, from the variables that action.yml sets, read once and checked."""

import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from perfbot.bot.config import Backend, Config, Paths
from perfbot.bot.durations import parse_duration
from perfbot.bot.exits import Exit, RunError
from perfbot.bot.forge import CommitSha, ForgeError, commit_sha
from perfbot.bot.marked_yaml import nearest
from perfbot.bot.options import function_name

Read = TypeVar("Read")
Choice = TypeVar("Choice", bound=StrEnum)

WRONG = "the input '{name}' of the action is wrong: {problem}"
NO_FOLDER = "it names no folder: {folder}"
OUTSIDE = "it leads out of the workspace: {folder}"
NO_CHOICE = "{value!r} is none of {known}{hint}"
NO_FLAG = "{value!r} is neither true nor false"
NO_TIME = "it has to be at least 1s"
NO_NUMBER = "{value!r} is no number from {low:g} to {high:g}"
NEEDS_MODEL = "it says where a model is, and the input 'model' names none"
_TRUE, _FALSE = {"true", "1", "yes"}, {"", "false", "0", "no"}
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,9})?")
_DEFAULT_REPORT = "perfbot-report"


class Mode(StrEnum):
    """What the Action does."""

    PROPOSE = "propose"
    REVIEW = "review"
    VERIFY = "verify"
    PROFILE = "profile"
    PUBLISH = "publish"
    COMMAND = "command"

    @property
    def measures(self) -> bool:
        """Whether code of the repository runs."""
        return self not in {Mode.PUBLISH, Mode.COMMAND}


class FailOn(StrEnum):
    """Which verdicts of ``verify`` fail the step."""

    REGRESSION = "regression"
    NOT_PROVEN = "not-proven"
    NEVER = "never"


class Published(StrEnum):
    """What the report is of that ``publish`` hands on."""

    REVIEW = "review"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the workflow's author asked for; None and empty mean that nothing was said.

    ``repository`` is a folder of the workspace and ``folder`` how it was named. ``python`` is the one on
    the job's PATH. ``base`` and ``head`` are commits of a pull request, where
    the event does not tell them. ``model`` says that one was offered, ``token_given`` that there is a
    step after this one which may write on GitHub.
    """

    mode: Mode
    workspace: Path
    repository: Path
    folder: str
    report: Path
    functions: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    config: str | None = None
    time_budget_s: float | None = None
    min_speedup: float | None = None
    min_share: float | None = None
    fail_on: FailOn = FailOn.REGRESSION
    trust_repository: bool = False
    python: Path | None = None
    base: CommitSha | None = None
    head: CommitSha | None = None
    published: Published = Published.REVIEW
    model: bool = False
    token_given: bool = False

    def adjusted(self, config: Config) -> Config:
        """Return a repository's configuration with what the inputs say put in its place.

        A model that the inputs name is asked beside the catalogue, unless the repository chose.
        """
        if self.paths:
            config = replace(config, paths=Paths(self.paths, config.paths.exclude))
        if self.min_speedup is not None:
            accept = replace(config.accept, min_speedup=self.min_speedup)
            config = replace(config, accept=accept)
        if self.min_share is not None:
            hotspots = replace(config.hotspots, min_share=self.min_share)
            config = replace(config, hotspots=hotspots)
        if self.model and config.models.optimizers == (Backend.EMBEDDED,):
            both = (Backend.EMBEDDED, Backend.OPENAI)
            config = replace(config, models=replace(config.models, optimizers=both))
        return config


def read(environ: Mapping[str, str]) -> Inputs:
    """Read the inputs; raises RunError with one sentence where one of them is wrong."""
    given = _Given(environ)
    workspace = Path(environ.get("GITHUB_WORKSPACE") or ".").absolute()
    if given.text("model-endpoint") and not given.text("model"):
        raise given.wrong("model-endpoint", NEEDS_MODEL)
    python = shutil.which("python", path=environ.get("PATH", os.defpath))
    mode = given.choice("mode", Mode.PROPOSE)
    return Inputs(
        mode=mode,
        workspace=workspace,
        repository=given.folder("repository", workspace, must_exist=mode.measures),
        folder=given.text("repository") or ".",
        report=workspace / (given.text("report") or _DEFAULT_REPORT),
        functions=given.each("functions", function_name),
        paths=given.each("paths", str),
        config=given.text("config") or None,
        time_budget_s=given.optional("time-budget", _budget_s),
        min_speedup=given.number("min-speedup", 1, 1000),
        min_share=given.number("min-share", 0, 1),
        fail_on=given.choice("fail-on", FailOn.REGRESSION),
        trust_repository=given.flag("trust-repository"),
        python=Path(python) if python else None,
        base=given.commit("base"),
        head=given.commit("head"),
        published=given.choice("published", Published.REVIEW),
        model=bool(given.text("model")),
        token_given=given.flag("token-given"),
    )


class _Given:
    """The variables: ``time-budget`` is ``PERFBOT_TIME_BUDGET``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str:
        return self._environ.get(f"PERFBOT_{name.upper().replace('-', '_')}", "").strip()

    def each(self, name: str, parse: Callable[[str], str]) -> tuple[str, ...]:
        lines = (line.strip() for line in self.text(name).splitlines())
        return tuple(self._parsed(name, parse, line) for line in lines if line)

    def optional(self, name: str, parse: Callable[[str], Read]) -> Read | None:
        text = self.text(name)
        return self._parsed(name, parse, text) if text else None

    def commit(self, name: str) -> CommitSha | None:
        return self.optional(name, commit_sha)

    def choice(self, name: str, default: Choice) -> Choice:
        value, kind = self.text(name), type(default)
        if not value:
            return default
        if value not in set(kind):
            known = [each.value for each in kind]
            hint = nearest(value, known)
            listed = ", ".join(known)
            raise self.wrong(name, NO_CHOICE.format(value=value[:80], known=listed, hint=hint))
        return kind(value)

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in _TRUE | _FALSE:
            raise self.wrong(name, NO_FLAG.format(value=value[:80]))
        return value in _TRUE

    def number(self, name: str, low: float, high: float) -> float | None:
        text = self.text(name)
        if not text:
            return None
        value = float(text) if _NUMBER.fullmatch(text) else low - 1
        if not low <= value <= high:
            raise self.wrong(name, NO_NUMBER.format(value=text[:80], low=low, high=high))
        return value

    def folder(self, name: str, workspace: Path, *, must_exist: bool) -> Path:
        """Return a folder of the workspace; a mode that runs nothing needs no checkout."""
        folder = workspace / self.text(name)
        if must_exist and not folder.is_dir():
            raise self.wrong(name, NO_FOLDER.format(folder=folder))
        if not folder.resolve().is_relative_to(workspace.resolve()):
            raise self.wrong(name, OUTSIDE.format(folder=folder))
        return folder

    def wrong(self, name: str, problem: str) -> RunError:
        return RunError(Exit.USAGE, WRONG.format(name=name, problem=problem))

    def _parsed(self, name: str, parse: Callable[[str], Read], text: str) -> Read:
        try:
            return parse(text)
        except (ValueError, ForgeError) as error:
            raise self.wrong(name, str(error)) from None


def _budget_s(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < 1:
        raise ValueError(NO_TIME)
    return seconds
