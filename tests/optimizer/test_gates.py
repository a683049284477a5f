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


HAD = """\
import time


def f():
    return time.time()


def g():
    return 1
"""


def test_what_a_function_reached_for_it_may_reach_for_again():
    after = HAD.replace(
        "return time.time()", "start = time.time()\n    return start or time.time()"
    )
    assert nothing_new(change(after, HAD)) is None


def test_a_use_may_move_to_a_helper():
    after = HAD.replace("return time.time()", "return _now()") + (
        "\n\ndef _now():\n    return time.time()\n"
    )
    assert nothing_new(change(after, HAD)) is None


@pytest.mark.parametrize(
    "after",
    [
        HAD.replace("return 1", "return time.time()"),
        HAD.replace("return time.time()", "return time.perf_counter()"),
        HAD.replace("return time.time()", "time.time = None"),
        HAD.replace("return time.time()", "return time.monotonic_ns()"),
    ],
)
def test_a_capability_of_the_file_is_no_licence_for_more_of_it(after):
    refusal = nothing_new(change(after, HAD))
    assert refusal is not None
    assert "time" in refusal.detail


@pytest.mark.parametrize(
    "line",
    [
        "datetime.time(1, 2), collections.abc.Iterator",
        "os.path.join('a', os.sep), sys.maxsize, sys.intern('a')",
        "(lambda input, vars: [input for open in vars])",
        "getattr(plain, 'size'), hasattr(plain, NAME)",
        "sys.stdout.write('a'), print('b', file=sys.stderr)",
        "attrgetter('size.width'), match.group(), '__name__'",
    ],
)
def test_names_that_only_look_dangerous_are_let_through(line):
    imports = "import collections.abc, datetime, sys\nfrom operator import attrgetter\n"
    assert (
        nothing_new(change(imports + BEFORE + f"\n\ndef new(match):\n    return {line}\n")) is None
    )


def test_a_local_name_hides_a_builtin_only_in_its_own_scope():
    hidden = "\n\ndef new():\n    def never():\n        eval = len\n    return eval('1')\n"
    assert nothing_new(change(BEFORE + hidden)) is not None


def test_a_capability_may_be_allowed_by_name():
    changes = change(BEFORE + "\nimport threading\n")
    assert nothing_new(changes, allowed=frozenset({"threads"})) is None


def test_reading_files_is_a_capability_of_its_own():
    changes = change(BEFORE + "\n\ndef new():\n    return open('x').read(), open('y', 'rb')\n")
    refusal = nothing_new(changes)
    assert refusal is not None
    assert "file-reads" in refusal.detail
    assert nothing_new(changes, allowed=frozenset({"file-reads"})) is None


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
