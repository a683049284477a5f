"""Answers that are diffs: applied where there is one place for them, refused otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.diff_answer import applied, is_diff, render
from perfbot.optimizer.repair import SpliceError

FILE = """\
import json

LIMIT = 3


class Cart:
    def total(self, items):
        found = 0
        for item in items:
            found += item
        return found

    def size(self, items):
        found = 0
        for _ in items:
            found += 1
        return found
"""
TOTAL = range(6, 11)


def changed(answer: str, function: range = TOTAL) -> str:
    return applied(FILE, function, answer, path="src/shop.py").text


def block(old: str, new: str) -> str:
    return f"<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE"


LOOP = (
    "        found = 0\n        for item in items:\n            found += item\n        return found"
)
SUM = "        return sum(items)"


def test_a_block_replaces_its_lines() -> None:
    assert changed(block(LOOP, SUM)) == FILE.replace(LOOP, SUM, 1)


def test_lines_that_stand_elsewhere_too_are_looked_for_in_the_function_first() -> None:
    assert changed(block("        found = 0", "        found = 1")) == FILE.replace("= 0", "= 1", 1)


def test_several_blocks_are_applied_to_the_lines_as_they_were() -> None:
    answer = (
        block("        found = 0", "        found = 1")
        + "\n"
        + block("found += item", "found -= item")
    )
    with pytest.raises(SpliceError, match="not in the function"):
        changed(answer.replace("found += item", "found += 1\n"))
    text = changed(answer)
    assert "found = 1" in text
    assert "            found -= item" in text


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{block(LOOP, SUM)}\n```",
        f"src/shop.py\n```\n{block(LOOP, SUM)}\n```".replace("src/shop.py\n", ""),
        block(LOOP.replace("        ", "    ", 4), "    return sum(items)"),
        block("class Cart:  # …\n" + LOOP, "class Cart:  # …\n" + SUM),
        block("# src/shop.py\n" + LOOP, "# src/shop.py\n" + SUM),
        block(LOOP.replace("\n", "  \n"), SUM),
        "<<<<<<<SEARCH\n" + LOOP + "\n=========\n" + SUM + "\n>>>>>>>REPLACE",
    ],
)  # fmt: skip
def test_what_models_make_of_the_form_is_read(answer: str) -> None:
    assert changed(answer) == FILE.replace(LOOP, SUM, 1)


def test_lines_at_the_margin_are_indented_as_the_function_is_and_that_is_told() -> None:
    found = applied(FILE, TOTAL, block("found += item", "found -= item"), path="src/shop.py")
    assert "            found -= item" in found.text
    assert any("indented as the file has them" in each for each in found.repairs)


def test_code_above_the_first_block_goes_above_the_file() -> None:
    assert changed("import math\n\n" + block(LOOP, SUM)).startswith("import math\n\nimport json")


UNIFIED = """\
--- a/src/shop.py
+++ b/src/shop.py
@@ -7,5 +7,2 @@ class Cart:
     def total(self, items):
-        found = 0
-        for item in items:
-            found += item
-        return found
+        return sum(items)

"""


@pytest.mark.parametrize(
    "answer",
    [
        UNIFIED,
        UNIFIED.replace("-7,5 +7,2", "-1,1 +1,1"),
        "diff --git a/src/shop.py b/src/shop.py\nindex 1..2 100644\n" + UNIFIED,
        UNIFIED.replace("a/src/", "").replace("b/src/", ""),
        UNIFIED[UNIFIED.index("@@") :],
        "@@ -1 +1 @@\n import json\n+import math\n" + UNIFIED[UNIFIED.index("@@") :],
    ],
)
def test_a_unified_diff_is_read_whatever_line_numbers_it_has(answer: str) -> None:
    assert is_diff(answer)
    assert changed(answer).replace("import math\n", "") == FILE.replace(LOOP, SUM, 1)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (block("        found = 2", ""), "not in the function"),
        (block("        return found", ""), None),
        (block("            found", ""), "not in the function"),
        (block("", "x = 1"), "no old lines"),
        ("<<<<<<< SEARCH\n" + LOOP + "\n=======\n" + SUM, "does not end"),
        ("<<<<<<< SEARCH\n" + LOOP, "does not end"),
        (block(LOOP, SUM) + "\nThat is all.", "belongs to none"),
        (
            block(LOOP, SUM) + "\n" + block("            found += item", "pass"),
            "replace the same line",
        ),
        (UNIFIED.replace("shop.py", "store.py"), "patch is for a/src/store.py"),
        (
            "*** Begin Patch\n*** Update File: setup.py\n@@\n-a\n+b\n*** End Patch",
            "patch is for setup.py",
        ),
        (UNIFIED.replace("     def total", "def total"), "begins with none of"),
        ("@@ -1 +1 @@\n+x = 1\n", "no old lines"),
    ],
)
def test_what_fits_nowhere_or_twice_is_refused(answer: str, why: str | None) -> None:
    if why is None:
        with pytest.raises(SpliceError, match="at 2 places"):
            applied(FILE, range(0), answer, path="src/shop.py")
    else:
        with pytest.raises(SpliceError, match=why):
            changed(answer)


def test_code_is_no_diff() -> None:
    assert not is_diff("def f(a):\n    --- a\n    return a @ b  # === x\n")


LINES = st.lists(st.sampled_from(["a", "b", "    a", "", "x = 1"]), min_size=1, max_size=12)


@given(LINES, LINES)
def test_what_is_rendered_leads_from_one_text_to_the_other(old: list[str], new: list[str]) -> None:
    before, after = "\n".join([*old, "end"]), "\n".join([*new, "end"])
    answer = render(before, after)
    if before != after:
        found = applied(before, range(len(old) + 1), answer, path="a.py").text
        assert found.rstrip("\n") == after.rstrip("\n")
