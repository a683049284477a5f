"""Functions are named as Python names them, and every code object counts to the right ``def``."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.profiling.functions import (
    FunctionName,
    find_function,
    function_at,
    function_index,
    functions,
    near_names,
)

MODULE = '''\
import functools

EARLY = [x for x in range(3)]
KEY = lambda item: item


def plain(items, key=lambda item: -item):
    return sorted((item for item in items), key=lambda item: {k: key(k) for k in item})


@functools.cache
@functools.wraps(
    plain
)
def decorated(a):
    """Twice decorated."""
    def inner(b):
        return a + b
    return inner


class Shop:
    stock = {s for s in "abc"}

    @property
    def total(self):
        return sum(p for p in self.prices)

    @total.setter
    def total(self, value):
        self.prices = [value]

    class Shelf:
        def __secret(self):
            return (lambda: 1)()

        async def fetch(self):
            return [b async for b in self.stream()]

        async def stream(self):
            yield 1

    def walk(self):
        class Local:
            rows = list(r for r in "xyz")

            def row(self):
                return self.rows
        yield from Local().row()


def größe():
    global published

    def published():
        return 1
    return published


if KEY:
    def choice(): return 1
else:
    def choice(): return [y for y in (lambda: EARLY)()]
'''
# Run in each interpreter: every code object with the function that encloses it, found by nesting.
LISTING = """\
import json, sys
def walk(code, owner):
    for each in code.co_consts:
        if hasattr(each, "co_code"):
            function = each.co_flags & 1 and not each.co_name.startswith("<")  # CO_OPTIMIZED
            inside = [*owner, each.co_name] if function else owner
            yield each.co_firstlineno, each.co_name, inside
            yield from walk(each, inside)
print(json.dumps(list(walk(compile(sys.stdin.read(), "m", "exec"), []))))
"""


def interpreters() -> list[str]:
    folders = [Path(entry) for entry in os.environ["PATH"].split(os.pathsep)]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    found = {sys.version_info[:2]: sys.executable}
    for minor in range(10, 20):
        for folder in folders:
            python = folder / f"python3.{minor}"
            if python.exists() and "shims" not in python.parts:
                found.setdefault((3, minor), str(python))
    return list(found.values())


@pytest.mark.parametrize("python", interpreters())
def test_every_code_object_counts_to_the_def_around_it(python: str) -> None:
    listing = subprocess.run(
        [python, "-I", "-c", LISTING], input=MODULE.encode(), stdout=subprocess.PIPE, check=True
    )
    rows = json.loads(listing.stdout)
    assert len(rows) > 20
    for line, name, around in rows:
        qualname = function_at(MODULE, line, name)
        defs = [part for part in (qualname or "").split(".") if part and part != "<locals>"]
        assert [part for part in defs if part not in ("Shop", "Shelf", "Local")] == (
            around if around != ["größe", "published"] else ["published"]
        ), (line, name)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="co_qualname came with Python 3.11")
def test_qualified_names_are_pythons_own() -> None:
    def walk(code: CodeType) -> Iterator[str]:
        for each in code.co_consts:
            if isinstance(each, CodeType):
                if each.co_flags & 1 and not each.co_name.startswith("<"):
                    yield each.co_qualname
                yield from walk(each)

    names = sorted(walk(compile(MODULE, "m", "exec")))
    assert names == sorted(span.qualname for span in functions(MODULE))


def test_lines_and_kinds() -> None:
    index = function_index(MODULE)
    decorated = index["decorated"]
    assert (decorated.first_line, decorated.def_line, decorated.end_line) == (11, 15, 19)
    kinds = {name: span.kind for name, span in index.items()}
    assert kinds["plain"] == "function"
    assert kinds["Shop.total"] == "property"
    assert kinds["Shop.Shelf.__secret"] == "method"
    assert kinds["Shop.Shelf.fetch"] == "coroutine"
    assert kinds["Shop.Shelf.stream"] == "async generator"
    assert kinds["Shop.walk"] == "generator"
    assert kinds["Shop.walk.<locals>.Local.row"] == "method"
    assert kinds["größe"] == "function"


def test_the_last_definition_wins_unless_a_line_is_given() -> None:
    last = find_function(MODULE, FunctionName.parse("shop.py::Shop.total"))
    first = find_function(MODULE, FunctionName.parse("shop.py::Shop.total@25"))
    assert last is not None
    assert first is not None
    assert (first.def_line, last.def_line) == (26, 30)
    assert find_function(MODULE, FunctionName.parse("shop.py::Shop.total@7")) is None


def test_locals_may_be_left_out() -> None:
    span = find_function(MODULE, FunctionName.parse("shop.py::Shop.walk.Local.row"))
    assert span is not None
    assert span.qualname == "Shop.walk.<locals>.Local.row"


@pytest.mark.parametrize("text", ["def broken(:\n", "x = '\0'\n", "(" * 5000])
def test_a_module_that_does_not_parse_has_no_functions(text: str) -> None:
    assert function_index(text) == {}
    assert function_at(text, 1, "broken") is None


def test_deeply_nested_code_is_no_obstacle() -> None:
    text = "def total(a):\n    return " + " + ".join(["a"] * 900) + "\n"
    assert list(function_index(text)) == ["total"]


@given(
    path=st.from_regex(r"[a-zß:/]{0,8}[a-z]\.py", fullmatch=True),
    qualname=st.from_regex(r"[a-zß_]+(\.<locals>\.[a-z]+)?", fullmatch=True),
    line=st.none() | st.integers(1, 9999),
)
def test_a_name_reads_back_as_it_was_written(path: str, qualname: str, line: int | None) -> None:
    name = FunctionName(FunctionName.parse(f"{path}::f").path, qualname, line)
    assert FunctionName.parse(str(name)) == name


def test_a_path_may_start_at_the_current_folder() -> None:
    assert FunctionName.parse("./src/a.py::f") == FunctionName("src/a.py", "f")


@pytest.mark.parametrize("text", ["", "f", "a.py", "a.py::", "::f", "a.py::f@", "a.py::f@x"])
def test_what_is_no_name_is_refused_with_the_form_that_is(text: str) -> None:
    with pytest.raises(ValueError, match="FILE::QUALNAME"):
        FunctionName.parse(text)


def test_near_names_help_with_typing_errors() -> None:
    names = [FunctionName("shop/prices.py", name) for name in ("Basket.total", "vat", "load")]
    wanted = FunctionName.parse("prices.py::Basket.totl")
    assert near_names(wanted, names) == (names[0],)
    assert near_names(FunctionName.parse("x.py::zzzzzz"), names) == ()
