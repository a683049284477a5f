"""From a reply to a version of the file: whatever a model writes, nothing else of the file changes."""

import ast
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbot.optimizer import diff_answer, structured
from perfbot.optimizer.protocol import MOST_CHARACTERS, Advice, Answer, ReplyError, render
from perfbot.optimizer.repair import SpliceError
from perfbot.optimizer.scene import SceneError
from perfbot.optimizer.strategies import Category
from perfbot.optimizer.syntax_stage import Version, version
from perfbot.profiling.functions import FunctionName

FILE = '''\
"""Orders of a shop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shop.stock import Item

LIMIT = 3


def _price(item):
    return item * 2


@traced
def total(items: list[Item], *, start: int = 0) -> int:
    """Return the sum."""
    found = start
    for item in items:
        found += _price(item)
    return found


class Cart:
    rate = 2

    def total(self, items):
        found = []
        for item in items:
            if item not in found:
                found.append(_price(item))
        return found

    def other(self):
        return json.dumps(print(sorted([LIMIT])))
'''
FUNCTION = FunctionName("src/shop.py", "total")
METHOD = FunctionName("src/shop.py", "Cart.total")
ADVICE = (Advice(Category.LIBRARY, "sum: the loop is in C"),)
SUM = 'def total(items, *, start=0):\n    """Return the sum."""\n    return sum(map(_price, items), start)\n'
HELPER = "import math\nfrom itertools import chain as joined\n\n_NONE = ()\n\n\ndef _all(items):\n"
HELPER += "    return joined(items, _NONE)\n\n\n" + SUM.replace(
    "items), s", "_all(items)), math.floor(s)"
)
HELPER = HELPER.replace("math.floor(s)tart", "math.floor(start)")
IN_CLASS = (
    "class Cart:\n    def _once(self, items):\n        return dict.fromkeys(map(_price, items))\n\n"
)
IN_CLASS += "    def total(self, items):\n        return list(self._once(items))\n"
LOOP = "    found = start\n    for item in items:\n        found += _price(item)\n    return found"
BLOCKS = (
    f"<<<<<<< SEARCH\n{LOOP}\n=======\n    return sum(map(_price, items), start)\n>>>>>>> REPLACE"
)
UNIFIED = "--- a/src/shop.py\n+++ b/src/shop.py\n@@ -20,5 +20,2 @@\n" + "".join(
    f"-{line}\n" for line in LOOP.split("\n")
) + "+    return sum(map(_price, items), start)"  # fmt: skip
CODES = [
    SUM,
    HELPER,
    BLOCKS,
    UNIFIED,
    SUM.replace("def total", "def other"),
    "class total:\n    x = 1\n",
]
REPLIES = [
    *(render(Answer(ADVICE, code)) for code in CODES),
    *(structured.render(Answer(ADVICE, code)) for code in CODES[:2]),
    f"Let me think.\n\n```python\n{SUM}```\n\nThis is faster.",
    f"<think>[OPT/]no[/OPT]</think>\n[OPT/]\n```\n{HELPER}```\n[/OPT]",
    f"[OPT/]\n{SUM}\n\nThat’s “it”.\n[/OPT]",
    render(Answer(ADVICE, IN_CLASS)),
    f"[OPT/]\n    {IN_CLASS}[/OPT]",
]  # fmt: skip


@pytest.mark.parametrize("reply", [REPLIES[0], REPLIES[2], REPLIES[3], REPLIES[6], *REPLIES[8:9]])
def test_every_form_of_an_answer_gives_the_same_version(reply: str) -> None:
    found = version(FILE, FUNCTION, reply)
    assert found.text == FILE.replace(LOOP, "    return sum(map(_price, items), start)")


def test_repairs_of_all_stages_are_told() -> None:
    found = version(FILE, FUNCTION, REPLIES[10])
    assert len(found.repairs) == 2  # the prose, and the annotations that were left out
    assert version(FILE, FUNCTION, REPLIES[3]).repairs == (
        "the answer was a diff, which was applied",
    )


@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        ("I'm sorry, but I can't help with that.", ReplyError, "no code"),
        ("", ReplyError, "no code"),
        ('{"name": "run", "arguments": {"command": "ls"}}', ReplyError, "calls a tool"),
        ('<tool_call>{"name": "run"}</tool_call>', ReplyError, "calls a tool"),
        ('[OPT/]{"name": "run", "arguments": {}}[/OPT]', SpliceError, "call of a tool"),
        ('{"strategies": [], "code": "def total(', ReplyError, "no JSON object"),
        ("<think>Let me see, def total(items): ...", ReplyError, "before the answer began"),
        (
            "[OPT/]\n" + "x = 1\n" * MOST_CHARACTERS,
            ReplyError,
            "characters; a function has at most",
        ),
        (render(Answer((), CODES[4])), SpliceError, "does not define total; it defines other"),
        (render(Answer((), CODES[5])), SpliceError, "makes total a class"),
        (
            render(Answer((), SUM + SUM.replace("sum(", "min("))),
            SpliceError,
            "2 times, differently",
        ),
        (render(Answer((), UNIFIED.replace("shop.py", "setup.py"))), SpliceError, "patch is for"),
        (render(Answer((), FILE)), SpliceError, "same as before"),
        (render(Answer((), "function total(items) { }")), SpliceError, "is JavaScript"),
        (render(Answer((), SUM[:-9])), SpliceError, "does not parse"),
    ],
)
def test_what_is_no_answer_is_refused_with_what_a_model_can_do(reply, error, told) -> None:
    with pytest.raises(error, match=told):
        version(FILE, FUNCTION, reply)


@pytest.mark.parametrize("code", [SUM, BLOCKS, SUM[:-20], IN_CLASS])
def test_half_an_answer_is_refused(code: str) -> None:
    with pytest.raises(SpliceError, match="ended before the code did"):
        version(FILE, FUNCTION, f"[OPT/]\n{code}", cut=True)


def test_a_reply_that_is_cut_off_behind_the_function_is_read() -> None:
    reply = f"[OPT/]\n{SUM}\n\ndef check():\n    assert to"
    assert version(FILE, FUNCTION, reply, cut=True).text == version(FILE, FUNCTION, REPLIES[0]).text


def test_a_diff_for_a_method_is_applied_in_its_class() -> None:
    reply = "[OPT/]\n<<<<<<< SEARCH\n    found = []\n=======\n    found = list()\n>>>>>>> REPLACE\n[/OPT]"
    found = version(FILE, METHOD, reply)
    assert found.text == FILE.replace("found = []", "found = list()")


def test_a_function_that_the_file_does_not_have_is_an_error_of_the_caller() -> None:
    for reply in (REPLIES[0], REPLIES[2]):
        with pytest.raises(SceneError):
            version(FILE, FunctionName("src/shop.py", "gone"), reply)


PIECES = ["\n", " ", "    ", "\t", '"""', "'", "(", ")", "[", "]", ":", "```", "```python\n", "“", "”", "’",
          "[OPT/]", "[/OPT]", "[SUGG/]", "[/SUGG]", "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE",
          "@@ -1 +1 @@\n", "+", "-", "\n12 | ", "def total(items):\n", "return", "import ", "LIMIT = 4\n",
          "from x import *\n", "from __future__ import annotations\n", "_price", "print", "json", "\x0c", "\r\n",
          "\u2028", "\x00", "\ufeff", "class Cart:\n", "async ", "await ", "yield ", "lambda: ", "global LIMIT\n",
          "if TYPE_CHECKING:\n    ", "def sorted(x):\n    return x\n\n\n", "nonlocal x\n",
          "\\", "{", "}"]  # fmt: skip


@st.composite
def mutated(draw, texts: list[str]) -> str:
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 30)))
        other = draw(st.sampled_from(texts))
        begin = draw(st.integers(0, len(other)))
        piece = st.sampled_from(PIECES) | st.just(other[begin : begin + 40]) | st.just("")
        text = text[:start] + draw(piece) + text[end:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 5)) == 5 else text


def rest(text: str, name: str, known: set[str]) -> str:
    """Everything but the body of a function, imports, and definitions that are new."""
    tree = ast.parse(text)
    *owner, last = name.split(".")
    bodies = [tree, *(each for each in tree.body if isinstance(each, ast.ClassDef))]
    for node in bodies:
        is_owner = [node.name] == owner if isinstance(node, ast.ClassDef) else not owner
        kept = []
        for each in node.body:
            if isinstance(each, ast.Import | ast.ImportFrom) or "TYPE_CHECKING" in ast.unparse(
                each
            ):
                continue
            if is_owner and getattr(each, "name", "") == last:
                each.body = [ast.Pass()]
            if not set(names(each)) or set(names(each)) & known:
                kept.append(each)
        node.body = kept
    return ast.dump(tree)


def names(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign() | ast.AnnAssign():
            yield from (each.id for each in ast.walk(node) if isinstance(each, ast.Name))


def imported(text: str) -> list[str]:
    return [
        ast.unparse(each) for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Import | ast.ImportFrom)
    ]  # fmt: skip


KNOWN = {
    name for node in ast.walk(ast.parse(FILE)) if isinstance(node, ast.stmt) for name in names(node)
}


def check(function: FunctionName, reply: str, *, cut: bool) -> None:
    """Nothing else of the file changes, or the reply is refused."""
    try:
        found = version(FILE, function, reply, cut=cut)
    except (ReplyError, SpliceError):
        return
    assert isinstance(found, Version)
    assert rest(found.text, function.qualname, KNOWN) == rest(FILE, function.qualname, KNOWN)
    assert not [each for each in imported(FILE) if each.split(" import ")[-1] not in found.text]
    compile(found.text, "shop.py", "exec", dont_inherit=True)


@settings(max_examples=100)
@given(mutated(REPLIES), st.sampled_from([FUNCTION, METHOD]), st.booleans())
def test_whatever_a_model_replies_nothing_else_of_the_file_changes(
    reply: str, function: FunctionName, cut: bool
) -> None:
    check(function, reply, cut=cut)


@settings(max_examples=100)
@given(mutated(CODES[:4]))
def test_whatever_code_a_model_writes_nothing_else_of_the_file_changes(code: str) -> None:
    check(FUNCTION, f"[OPT/]\n{code}\n[/OPT]", cut=False)


@settings(max_examples=100)
@given(mutated([IN_CLASS, IN_CLASS[IN_CLASS.index("    def total") :]]))
def test_whatever_class_a_model_writes_nothing_else_of_the_file_changes(code: str) -> None:
    check(METHOD, f"[OPT/]\n{code}\n[/OPT]", cut=False)


def test_a_reply_is_a_diff_only_if_it_says_so() -> None:
    assert [diff_answer.is_diff(code) for code in CODES[:4]] == [False, False, True, True]
