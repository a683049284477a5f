"""action.yml run as a runner runs it: each step in bash, with the files and variables of a workflow.

Expressions are evaluated as GitHub documents them ("Evaluate expressions in workflows and actions"), the
small part of them that the action uses; anything else raises. Not covered: masks and post steps.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "forge"))

from home import Home

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
_BASH = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]  # as the runner starts a step
_WORD = re.compile(r"\s*(?:(&&|\|\||==|!=|!|\(\s*\)|\(|\))|('(?:[^']|'')*')|([A-Za-z_][\w.-]*))")
_FILLED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """How a step ended; ``skipped`` where its condition did not hold."""

    code: int = 0
    out: str = ""
    err: str = ""
    skipped: bool = False


@dataclass(frozen=True)
class Ended:
    """How the action ended: its steps by name, its outputs, and the job's summary."""

    steps: Mapping[str, Step]
    outputs: Mapping[str, str]
    summary: str

    @property
    def code(self) -> int:
        return next((step.code for step in self.steps.values() if step.code), 0)

    @property
    def err(self) -> str:
        return "".join(step.err for step in self.steps.values())

    @property
    def log(self) -> str:
        return "".join(step.out + step.err for step in self.steps.values())

    def conclusion(self, continue_on_error: bool = False) -> str:
        """Return how the workflow goes on after a step that uses the action."""
        return "failure" if self.code and not continue_on_error else "success"


@dataclass
class Runner:
    """A job's folders and files, and the event that started it."""

    home: Home
    work: Path
    inputs: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    cancelled: bool = False

    def event(self, name: str, payload: Mapping[str, object] = {}, **variables: str) -> None:
        """Say which event it was; the runner writes the payload to a file."""
        path = self.home.folder / "event.json"
        path.write_text(json.dumps(payload))
        self.variables |= {"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": str(path), **variables}

    def run(self, **inputs: str) -> Ended:
        """Run the action with these inputs beside those given before."""
        given = {**self.inputs, **{name.replace("_", "-"): text for name, text in inputs.items()}}
        assert given.keys() <= ACTION["inputs"].keys()
        known = {name: one["default"] for name, one in ACTION["inputs"].items()} | given
        context = {f"inputs.{name}": text for name, text in known.items()}
        steps: dict[str, Step] = {}
        for step in ACTION["runs"]["steps"][1:]:  # perfbot is installed already
            steps[step["id"]] = self._step(step, context, any(one.code for one in steps.values()))
        outputs = {
            name: self._filled(one["value"], context, False)
            for name, one in ACTION["outputs"].items()
        }
        return Ended(steps, outputs, self._read("summary"))

    def _step(self, step: dict[str, Any], context: dict[str, str], failed: bool) -> Step:
        condition = step.get("if", "${{ success() }}")
        if not _true(self._value(condition.strip()[3:-2], context, failed)):
            return Step(skipped=True)
        (self.home.folder / "output").unlink(missing_ok=True)
        more = {
            name: self._filled(str(value), context, failed)
            for name, value in step.get("env", {}).items()
        }
        done = self.bash(step["run"], more)
        context |= {
            f"steps.{step['id']}.outputs.{name}": value for name, value in self._outputs().items()
        }
        return Step(done.returncode, done.stdout, done.stderr)

    def bash(self, script: str, more: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a script as the runner does."""
        file = self.home.folder / "step.sh"
        file.write_text(script)
        return subprocess.run(
            [*_BASH, str(file)],
            env=self.home.environ(**{**self._standard(), **self.variables, **more}),
            cwd=self.work,
            capture_output=True,
            text=True,
            check=False,
        )

    def _standard(self) -> dict[str, str]:
        folder = self.home.folder
        return {
            **{name: os.environ[name] for name in os.environ if name.startswith("PIP_")},
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.work),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "GITHUB_REPOSITORY": "ada/shop",
            "RUNNER_TEMP": str(folder / "runner"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def _outputs(self) -> dict[str, str]:
        blocks = re.findall(r"^(\S+)<<(\w+)\n(.*?)\n\2$", self._read("output"), re.M | re.S)
        return {name: value for name, _, value in blocks}

    def _read(self, name: str) -> str:
        path = self.home.folder / name
        return path.read_text() if path.exists() else ""

    def _filled(self, text: str, context: Mapping[str, str], failed: bool) -> str:
        return _FILLED.sub(lambda one: _said(self._value(one[1], context, failed)), text)

    def _value(self, text: str, context: Mapping[str, str], failed: bool) -> str | bool:
        functions: dict[str, Callable[[], bool]] = {
            "success": lambda: not (failed or self.cancelled),
            "failure": lambda: failed,
            "cancelled": lambda: self.cancelled,
            "always": lambda: True,
        }
        return _Expression(text, context, functions).value()


class _Expression:
    """One expression: names, strings, calls without arguments, ``! == != && ||`` and brackets."""

    def __init__(
        self, text: str, context: Mapping[str, str], functions: Mapping[str, Callable[[], bool]]
    ) -> None:
        self._words = _words(text)
        self._context = context
        self._functions = functions

    def value(self) -> str | bool:
        found = self._either()
        assert not self._words, f"not understood: {self._words}"
        return found

    def _either(self) -> str | bool:
        left = self._both()
        while self._next("||"):
            right = self._both()
            left = left if _true(left) else right
        return left

    def _both(self) -> str | bool:
        left = self._equal()
        while self._next("&&"):
            right = self._equal()
            left = right if _true(left) else left
        return left

    def _equal(self) -> str | bool:
        left = self._one()
        if self._next("=="):
            return left == self._one()
        if self._next("!="):
            return left != self._one()
        return left

    def _one(self) -> str | bool:
        if self._next("!"):
            return not _true(self._one())
        if self._next("("):
            found = self._either()
            assert self._next(")")
            return found
        word = self._words.pop(0)
        if word.startswith("'"):
            return word[1:-1].replace("''", "'")
        if self._next("()"):
            return self._functions[word]()
        assert word.startswith(("inputs.", "steps.")), f"unknown: {word}"
        if word.startswith("inputs."):
            return self._context[word]
        return self._context.get(word, "")  # null where the step has no such output

    def _next(self, sign: str) -> bool:
        if self._words and self._words[0] == sign:
            self._words.pop(0)
            return True
        return False


def _words(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        match = _WORD.match(text, place)
        assert match, f"not understood: {text[place:]!r}"
        found.append(
            "".join(filter(None, match.groups())).replace(" ", "") if not match[2] else match[2]
        )
        place = match.end()
    return found


def _true(value: str | bool) -> bool:
    return value not in (False, "")


def _said(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value


def installed(home: Home) -> None:
    """Put perfbot where step one of the action puts it: the Python and the command of the tests."""
    folder = home.folder / "runner" / "perfbot" / "bin"
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / "perfbot").symlink_to(Path(sys.executable).with_name("perfbot"))
