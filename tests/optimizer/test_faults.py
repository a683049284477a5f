"""Seeded faults: each is one small mistake that is valid Python and means something else."""

import ast
import bisect
import fnmatch
import heapq
import json.decoder
import shlex
import textwrap
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.optimizer.faults import Fault, seeded
from perfbot.profiling.functions import FunctionName, functions
from perfbot.profiling.source import SourceFile, decode_source

MODULES = (textwrap, heapq, bisect, json.decoder, shlex, fnmatch)


def of(text: str, qualname: str = "f", before: str | None = None) -> tuple[Fault, ...]:
    source = decode_source(text.encode(), Path("f.py"))
    return seeded(FunctionName("f.py", qualname), text if before is None else before, source)


@cache
def source_of(module: ModuleType) -> SourceFile:
    assert module.__file__
    path = Path(module.__file__)
    return decode_source(path.read_bytes(), path)


@st.composite
def library_functions(draw: st.DrawFn) -> tuple[SourceFile, str]:
    source = source_of(draw(st.sampled_from(MODULES)))
    return source, draw(st.sampled_from([span.qualname for span in functions(source.text)]))


@settings(max_examples=20)
@given(library_functions())
def test_every_fault_parses_differs_from_the_code_and_from_the_others(chosen):
    source, qualname = chosen
    found = seeded(FunctionName("module.py", qualname), source.text, source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        trees = [ast.dump(ast.parse(fault.content)) for fault in found]
    assert len({*trees, ast.dump(ast.parse(source.text))}) == len(found) + 1
    assert all(fault.before != fault.after for fault in found)


@settings(max_examples=10)
@given(library_functions())
def test_the_same_code_has_the_same_faults(chosen):
    source, qualname = chosen
    name = FunctionName("module.py", qualname)
    assert seeded(name, source.text, source) == seeded(name, source.text, source)


@pytest.mark.parametrize(
    ("line", "kind", "wrong"),
    [
        ("return a < b", "comparison", "return a <= b"),
        ("return a not in b", "comparison", "return a in b"),
        ("return (a) is not (b)", "comparison", "return (a) is (b)"),
        ("return a + b", "arithmetic", "return a - b"),
        ("a += b", "arithmetic", "a -= b"),
        ("return -a", "arithmetic", "return a"),
        ("return a[3]", "constant", "return a[2]"),
        ("return True", "constant", "return False"),
        ("return 'é' + a + b", "arithmetic", "return 'é' + a - b"),
        ("return not a", "condition", "return a"),
        ("return 1 if a(b) else 2", "condition", "return 1 if not a(b) else 2"),
        ("return a and b", "and/or", "return a or b"),
        ("a.sort()", "removed statement", "pass"),
        ("a[0] = b", "removed statement", "pass"),
        ("raise a", "removed statement", "pass"),
        ("return a(a, b)", "swapped arguments", "return a(b, a)"),
        ("return a[b:]", "slice end", "return a[b + 1:]"),
        ("return a[: b or 1]", "slice end", "return a[: (b or 1) - 1]"),
        ("return [x for x in range(b)]", "range end", "return [x for x in range(b - 1)]"),
        ("return [a, b]", "result", "return []"),
        ("return a(b)", "result", "return None"),
        ("yield a", "result", "yield None"),
        ("a.append(b)", "sister function", "a.extend(b)"),
        ("return min(a)", "sister function", "return max(a)"),
        ("return sorted(a, key=b, reverse=True)", "dropped argument", "return sorted(a, reverse=True)"),
        ("return a.get(b, 0)", "dropped argument", "return a.get(b)"),
        ("return max(a, default=b)", "dropped argument", "return max(a)"),
        ("return [x for x in a]", "loop", "return [x for x in ()]"),
    ],
)  # fmt: skip
def test_the_mistakes_that_programmers_make_are_among_the_faults(line, kind, wrong):
    found = of(f"def f(a, b):\n    {line}\n")
    assert (kind, line, wrong) in [(each.kind, each.before, each.after) for each in found]


def test_loops_lose_their_way():
    text = "def f(a):\n    for x in a:\n        if x:\n            break\n        print(x)\n"
    assert ("break", "continue") in [(each.before, each.after) for each in of(text)]


def test_what_callers_and_readers_see_is_left_alone():
    text = (
        "@cached(3)\n"
        "def f(a: Literal[1], b=2) -> Literal[3]:\n"
        '    """Return 4."""\n'
        "    size: Literal[5] = a\n"
        '    return f"{size:>7} of 8"\n'
    )
    for fault in of(text):
        assert fault.line > 3
        assert "Literal[5]" in fault.content.decode()
        assert 'f"{size:>7} of 8"' in fault.content.decode() or fault.kind == "result"


def test_a_fault_that_compiles_to_the_same_code_is_none():
    assert of("def f(a):\n    return a * 1 if __debug__ else a / 2\n")
    assert not [each for each in of("def f(a):\n    return -0\n") if each.after == "return 0"]


def test_turning_back_to_the_code_before_the_change_is_no_fault():
    before = "def f(a):\n    return sorted(a)\n"
    after = "def f(a):\n    return list(a)\n"
    assert [each.after for each in of(before, before=after)] == ["return None"]


def test_lines_of_the_change_and_its_new_helpers_come_first():
    old = "".join(f"    a.append(a[{n}] + {n})\n" for n in range(2, 42))
    before = f"def f(a):\n{old}    return g(a)\n"
    after = f"def f(a):\n{old}    return h(a, 100)\n\n\ndef h(a, b):\n    return a < b\n"
    lines = [each.line for each in of(after, before=before)]
    assert len(lines) == 21
    assert lines.count(42) >= 2
    assert lines.count(46) >= 2


def test_only_the_function_itself_is_touched():
    text = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return a + 1\n"
    assert {each.line for each in of(text)} == {2}


def test_line_breaks_and_encodings_of_the_file_stay():
    text = "# coding: latin-1\r\ndef f(a):\r\n    return 'ä' + a\r\n"
    source = decode_source(text.encode("latin-1"), Path("f.py"))
    for fault in seeded(FunctionName("f.py", "f"), "", source):
        assert fault.content.count(b"\r\n") == fault.content.count(b"\n") == 3
        fault.content.decode("latin-1")


def test_code_that_cannot_be_read_has_no_faults():
    assert of("def f(:\n") == ()
    assert of("def g():\n    return 1\n") == ()
