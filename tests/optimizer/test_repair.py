"""Small repairs of code: made where they have one meaning, and told; refused otherwise."""

import ast

import pytest

from perfbot.optimizer.repair import Repaired, SpliceError, repaired

GOOD = "def total(items):\n    found = 0\n    for item in items:\n        found += item\n    return found\n"


def fixed(code: str, **settings) -> Repaired:
    return repaired(code, {"total"}, **settings)


def same(one: str, other: str) -> bool:
    return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


def indented(code: str, by: str = "    ") -> str:
    return "".join(by + line for line in code.splitlines(keepends=True))


def test_code_that_parses_stays_as_it_is() -> None:
    assert fixed(GOOD) == Repaired(GOOD, ())


NUMBERED = "\n".join(f"{number:>3} | {line}" for number, line in enumerate(GOOD.splitlines(), 12))
COLONS = "\n".join(f"{number}: {line}" for number, line in enumerate(GOOD.splitlines(), 1))
TABBED = "\n".join(f"{number}\t{line}" for number, line in enumerate(GOOD.splitlines(), 9))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (indented(GOOD), "indented as a whole"),
        (indented(GOOD, "\t"), "indented as a whole"),
        (NUMBERED, "line numbers"),
        (COLONS, "line numbers"),
        (TABBED, "line numbers"),
        (GOOD.replace("    found = 0", "\u00a0   found = 0"), "1 characters"),
        (GOOD.replace("        found += item", "\tfound += item"), "tabs and spaces"),
        (GOOD.replace("    for", "     for").replace("        found +=", "         found +="), "line 3"),
        ("Here is a faster version.\n\n" + GOOD, "text before the code was left out: Here is"),
        ("From the profile I see that:\n" + GOOD, "text before the code"),
        (GOOD + "\nThis doesn't need a second list.\n", "text behind the code was left out: This"),
        (GOOD + "\n- it’s “faster”\n- it is shorter\n", "text behind the code"),
        (GOOD + "\n\ndef check(total):\n    assert total([1, ", "text behind the code"),
        (GOOD + "\n\nclass Total:\n    def", "text behind the code"),
        ("Sure!\n\n" + GOOD + "\nHope this helps!", "text behind the code"),
        ("\ufeff" + GOOD, "1 characters"),
    ],
)  # fmt: skip
def test_what_has_one_meaning_is_repaired_and_told(code: str, told: str) -> None:
    found = fixed(code)
    assert same(found.code, GOOD)
    assert any(told in repair for repair in found.repairs), found.repairs


def test_quotation_marks_of_prose_become_those_of_python() -> None:
    found = fixed('def total(items):\n    return “it’s ”, ‘b’, "“kept”"\n')
    assert same(found.code, 'def total(items):\n    return "it’s ", \'b\', "“kept”"\n')


def test_quotation_marks_inside_of_text_are_left_alone() -> None:
    code = 'def total(items):\n    return "“quoted”, it’s"\n'
    assert fixed(code).code == code


def test_a_first_line_that_lost_its_indentation_gets_it_back() -> None:
    code = "@cached\n    def total(self):\n        return 1\n\n    def other(self):\n        return 2\n"
    found = fixed(code)
    assert "the first line" in found.repairs[0]
    assert [each.name for each in ast.parse(found.code).body] == ["total", "other"]


def test_text_over_several_lines_keeps_its_columns_where_the_file_has_the_function_there() -> None:
    code = '    def total(self):\n        return """a\n    b"""\n'
    assert '"""a\n    b"""' in fixed(code, column=4).code


def test_text_over_several_lines_in_code_that_was_moved_may_mean_two_things() -> None:
    code = '    def total(self):\n        return """a\n    b"""\n'
    with pytest.raises(SpliceError, match="left margin"):
        fixed(code, column=0)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (
            "def total(items):\n    if items:\n        return 1\n  else:\n        return 2\n",
            "line 4",
        ),
        ("def total(items):\n    if items:\n        return 1\nelse:\n    return 2\n", "line 4"),
        ("def total(items):\n    found = 0\n            return found\n", "unexpected indent"),
        ("def total(items):\nreturn 1\n", "expected an indented block"),
        ("def total(items):\n    return [1, 2\n", "never closed"),
        (GOOD + "\n\ndef total(items):\n    return sum(", "never closed"),
        ("def total(items):\n    return ‘it’s’\n", "line 2"),
        ("12 | def total(items):\n14 |     return 1\n", "line 1"),
        ("def other(items):\n    return 1\n\nThis is better.\n", "line 4"),
    ],
)
def test_what_could_mean_two_things_is_refused_with_what_the_parser_says(
    code: str, why: str
) -> None:
    with pytest.raises(SpliceError, match=why):
        fixed(code)


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("function total(items) {\n  return items.length;\n}", "JavaScript"),
        ("const total = (items) => {\n  return 1;\n};", "JavaScript"),
        ("#include <vector>\nint total(std::vector<int> items) {\n  return 1;\n}", "C or C"),
        ("public static int total(int[] items) {\n    return 1;\n}", "Java"),
        ("fn total(items: &[i64]) -> i64 {\n    items.iter().sum()\n}", "Rust"),
        ("func total(items []int) int {\n\treturn 1\n}", "Go"),
        ("SELECT sum(item) FROM items;", "SQL"),
    ],
)
def test_another_language_is_called_by_its_name(code: str, language: str) -> None:
    with pytest.raises(SpliceError, match=f"the code is {language}"):
        fixed(code)


def test_of_a_reply_that_was_cut_off_what_is_complete_counts() -> None:
    found = fixed(GOOD + "\n\ndef _more(items):\n    return it", cut=True)
    assert same(found.code, GOOD)
    assert "text behind the code" in found.repairs[0]


@pytest.mark.parametrize(
    "code",
    [
        "def total(items):\n    found = 0\n",
        GOOD,
        "import math\n\n\ndef total(items):\n    return [1,",
        "class Cart:\n    def total(self):\n        return 1\n\n    def other(self):\n        x = 1\n",
        "def other():\n    pass\n\n\n@cached\ndef total(items):\n    retu",
        "",
    ],
)
def test_half_a_function_is_refused_though_it_may_parse(code: str) -> None:
    with pytest.raises(SpliceError, match="ended before the code did"):
        fixed(code, cut=True)
