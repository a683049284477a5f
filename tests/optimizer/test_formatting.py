"""What is new looks as its file does, and nothing else is touched."""

import ast

from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.formatting import in_style, unlike
from perfbot.optimizer.house_style import HouseStyle, house_style

NONE = house_style(lambda _path: None, "m.py")
BLACK_60 = house_style({"pyproject.toml": b"[tool.black]\nline-length = 60\n"}.get, "m.py")
TIDY = 'def f(a, b):\n    return {"x": a, "y": b}\n\n\nVALUES = [1, 2]\n'
UNTIDY = "def f(a,b):\n    return { 'x': a, 'y': b }\n\n\ndef g( x ):\n    return x\nVALUES=[1,2]\n"


def styled(before: str, after: str, style: HouseStyle = NONE) -> str:
    result = in_style(before, after, "f", style)
    assert in_style(before, result, "f", style) == result
    return result


def test_a_file_that_obeys_its_formatter_still_does() -> None:
    long = "    return {'x': a + b + a + b, 'y': b + a + b + a + b, 'zz': a}"
    assert styled(TIDY, f"def f(a, b):\n{long}\n\n\nVALUES = [1, 2]\n", BLACK_60) == (
        "def f(a, b):\n    return {\n"
        '        "x": a + b + a + b,\n        "y": b + a + b + a + b,\n        "zz": a,\n    }\n'
        "\n\nVALUES = [1, 2]\n"
    )


def test_blank_lines_around_new_helpers_are_the_formatters() -> None:
    helper = "def h(a):\n    return a\n"
    assert styled(TIDY, helper + TIDY, BLACK_60) == f"{helper}\n\n{TIDY}"


def test_blacks_layout_is_seen_where_nothing_is_configured() -> None:
    assert styled(TIDY, TIDY.replace('"x": a', '"x":(a)')) == TIDY.replace('"x": a', '"x": (a)')


def test_where_only_the_function_obeys_only_the_function_is_formatted() -> None:
    before = (
        "def f(a):\n    return a\n\n\n" + UNTIDY.partition("def g")[1] + "( x ):\n    return x\n"
    )
    after = before.replace("return a", "return [ a,a ]")
    assert styled(before, after, BLACK_60) == before.replace("return a", "return [a, a]")


def test_a_formatter_that_the_file_does_not_obey_is_not_used() -> None:
    after = UNTIDY.replace("'y': b }", "'y': b,'z':1 }")
    assert styled(UNTIDY, after, BLACK_60) == after


def test_new_strings_take_the_quotes_of_the_file() -> None:
    before = "A=['a', 'b', 'c', 'd', \"it's\"]\ndef f(a):\n    return a\n"
    after = before.replace("return a", 'return a["k"], b"x", "isn\'t", f"{a[\'k\']}", """t"""')
    wanted = before.replace("return a", 'return a[\'k\'], b\'x\', "isn\'t", f"{a[\'k\']}", """t"""')
    assert styled(before, after) == wanted


def test_quotes_without_a_habit_are_left_alone() -> None:
    before = "A=['a', \"b\", 'c', \"d\"]\ndef f(a):\n    return a\n"
    after = before.replace("return a", "return 'x', \"y\"")
    assert styled(before, after) == after


def test_new_lines_are_no_longer_than_those_of_the_file() -> None:
    before = "A=1\ndef f(items,wanted):\n    return [each for each in items if each in wanted]\n"
    line = (
        "    return [each for each in items if each in wanted and each not in items[1:] and each]"
    )
    result = styled(
        before, before.replace("    return [each for each in items if each in wanted]", line)
    )
    assert max(map(len, result.splitlines())) <= 79
    assert result.startswith("A=1\ndef f(items,wanted):\n    return [\n")


def test_another_indentation_becomes_that_of_the_file() -> None:
    before = "A=1\ndef f(a):\n\tif a:\n\t\treturn a\n"
    after = "A=1\ndef f(a):\n    if a:\n        b = a\n        return b\n"
    assert styled(before, after) == "A=1\ndef f(a):\n\tif a:\n\t\tb = a\n\t\treturn b\n"


def test_what_cannot_be_read_is_left_as_it_is() -> None:
    for after in ("def f(:\n", "def f(a):\n  return a\n return\n", "x = '\n", "\ud800", ""):
        assert in_style(TIDY, after, "f", BLACK_60) == after


def test_mixed_line_breaks_are_left_as_they_are() -> None:
    after = "def f(a,b):\r\n    return a\n"
    assert in_style(TIDY, after, "f", BLACK_60) == after


def test_lines_in_another_style_are_told_with_the_style() -> None:
    found = unlike(TIDY, TIDY.replace("a, b)", "a,b)"), "f", BLACK_60)
    assert found is not None
    assert (found.style, found.lines) == ("black", ((1, "def f(a,b):"),))
    assert unlike(TIDY, TIDY.replace("[1, 2]", "[1, 3]"), "f", BLACK_60) is None


EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "1", "'x'", '"y"', "b''", 'f"{a}"', "'''t'''"]),
    lambda inner: (
        st.builds("[{},{}]".format, inner, inner)
        | st.builds("({}  if {} else {})".format, inner, inner, inner)
        | st.builds("{{{}:{}}}".format, inner, inner)
    ),
    max_leaves=12,
)


@given(EXPRESSIONS, st.sampled_from([TIDY, UNTIDY]), st.sampled_from([NONE, BLACK_60]))
def test_style_never_changes_what_code_means(text: str, before: str, style: HouseStyle) -> None:
    after = before.replace("return {", f"b = {text}\n    return {{", 1)
    assert ast.dump(ast.parse(styled(before, after, style))) == ast.dump(ast.parse(after))
