"""What reading a change can refuse, and what it must let through."""

import pytest

from perfbot.optimizer import gates
from perfbot.optimizer.gates import FileChange
from perfbot.optimizer.verdict import Why

BEFORE = """\
import os
from functools import wraps

LIMIT = 3


def plain(a, b=2, *rest, key=None, **more):
    return a


def items(n):
    yield n


async def later(n):
    return n


class Box(dict):
    size = 1

    @property
    def value(self):
        return self.size

    @staticmethod
    def make(n):
        return n
"""


def change(after: str, before: str = BEFORE) -> list[FileChange]:
    return [FileChange("box.py", before.encode(), after.encode())]


def edited(old: str, new: str) -> list[FileChange]:
    assert old in BEFORE
    return change(BEFORE.replace(old, new))


def nothing_new(changes, dependencies=frozenset(), allowed=frozenset()):
    return gates.reaches_for_nothing_new(changes, dependencies=dependencies, allowed=allowed)


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\n", "\0", "return 1\n", "(" * 5000])
def test_what_python_cannot_compile_is_refused(text):
    refusal = gates.parses(change(text))
    assert refusal is not None
    assert refusal.why is Why.DOES_NOT_PARSE
    assert "box.py" in refusal.detail


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def plain(a, b=2", "def plain(a, b=3"),
        ("def plain(a, b=2", "def plain(b, a=2"),
        ("key=None", "key=()"),
        (", **more", ""),
        ("*rest, key", "*, key"),
        ("    yield n", "    return [n]"),
        ("async def later", "def later"),
        ("    @property\n", ""),
        ("@staticmethod", "@classmethod"),
        ("    def make(n)", "    def mak(n)"),
        ("LIMIT = 3\n", ""),
        ("from functools import wraps\n", ""),
        ("class Box(dict)", "class Box"),
        ("class Box(dict)", "@wraps\nclass Box(dict)"),
    ],
)
def test_what_callers_can_see_must_stay(old, new):
    refusal = gates.keeps_interface(edited(old, new))
    assert refusal is not None
    assert refusal.why is Why.CHANGES_INTERFACE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return a\n", "    a = a\n    return a\n"),
        ("def plain(a", "def plain(a: int"),
        ("LIMIT = 3\n", "LIMIT = 3\n_TABLE = {1: 2}\n"),
        ("    return a\n", "    return _helper(a)\n\n\ndef _helper(a):\n    return a\n"),
        ("import os\n", "import os\nimport math\n"),
        ("    size = 1\n", "    size = 1\n    __slots__ = ()\n"),
    ],
)
def test_bodies_helpers_constants_and_imports_may_change(old, new):
    assert gates.keeps_interface(edited(old, new)) is None
    assert nothing_new(edited(old, new)) is None


@pytest.mark.parametrize(
    ("line", "capability"),
    [
        ("import socket", "network"),
        ("import urllib.request", "network"),
        ("from concurrent.futures import ThreadPoolExecutor", "threads"),
        ("import subprocess", "processes"),
        ("os.system('true')", "processes"),
        ("os.execv('/bin/true', [])", "processes"),
        ("from os import system", "processes"),
        ("open('x', 'w')", "file-writes"),
        ("open('x', mode='ab')", "file-writes"),
        ("open('x', LIMIT)", "file-writes"),
        ("import gc", "interpreter-settings"),
        ("import sys; sys.setrecursionlimit(9)", "interpreter-settings"),
        ("import sys as s; s.settrace(None)", "interpreter-settings"),
        ("eval('1')", "eval"),
        ("exec('1')", "eval"),
        ("__import__('os')", "eval"),
        ("import importlib", "eval"),
        ("import sys; sys._getframe()", "frames"),
        ("(i for i in ()).gi_frame", "frames"),
        ("import sys; sys.modules['os'] = 1", "builtins"),
        ("import builtins", "builtins"),
        ("os.getcwd = None", "builtins"),
        ("globals()['LIMIT'] = 1", "reflection"),
        ("plain.__globals__", "builtins"),
        ("import atexit", "exit-handlers"),
        ("os._exit(0)", "exit-handlers"),
        ("import ctypes", "ctypes"),
        ("os.environ['A'] = 'b'", "environment"),
        ("import time", "clock"),
        ("import pytest", "test-harness"),
        ("import _perfbot_inside", "test-harness"),
        ("__file__", "builtins"),
    ],
)
def test_capabilities_new_to_the_file_are_refused_by_name(line, capability):
    refusal = nothing_new(change(BEFORE + f"\n\ndef new():\n    {line}\n"))
    assert refusal is not None
    assert refusal.why is Why.FORBIDDEN
    assert capability in refusal.detail


def test_a_capability_that_the_file_had_is_no_news():
    before = "import subprocess\n\n\ndef f():\n    return subprocess.run(['true'])\n"
    assert nothing_new(change(before + "\n\ndef g():\n    return subprocess\n", before)) is None


def test_a_capability_may_be_allowed_by_name():
    changes = change(BEFORE + "\nimport threading\n")
    assert nothing_new(changes, allowed=frozenset({"threads"})) is None


def test_reading_a_file_is_no_writing():
    assert (
        nothing_new(
            change(BEFORE + "\n\ndef new():\n    return open('x').read(), open('y', 'rb')\n")
        )
        is None
    )


def test_a_new_package_must_be_a_dependency_of_the_project():
    changes = change(BEFORE + "\nimport numpy\n")
    refusal = nothing_new(changes)
    assert refusal is not None
    assert "numpy" in refusal.detail
    assert nothing_new(changes, dependencies=frozenset({"numpy"})) is None


def test_the_changed_functions_are_found_by_their_code_not_by_their_lines():
    after = "# a comment\n" + BEFORE.replace("return self.size", "return self.size + 0")
    (only,) = change(after)
    assert list(gates.changed_functions(only)) == ["Box.value"]
