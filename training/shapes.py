"""Small slow functions to practise on: each in many spellings, with inputs that show its cost.

They are our own, so they carry no licence but the project's. A shape has holes for names; which of
the catalogue's strategies make it faster is not written here: ``exercises.py`` asks the catalogue
and lets the judge prove it.
"""

from dataclasses import dataclass

FUNCTIONS = tuple("select gather collect choose extract derive build compile_all pick scan".split())
MANY = tuple("orders users words names prices values items records lines scores tags rows".split())
OTHERS = tuple("banned wanted known allowed blocked listed chosen marked taken saved".split())
ONE = tuple("order user word name price value item record line score tag row".split())
RESULT = tuple("found kept result output matches answer".split())
TOTAL = tuple("total amount tally sum_of_all score_now balance".split())
PLACE = tuple("i k n index place position".split())


@dataclass(frozen=True, slots=True)
class Shape:
    """A function whose names are holes (``$f``, ``$many`` …), and expressions of argument tuples."""

    name: str
    text: str
    calls: tuple[str, ...]


_NUMBERS = "([n * 7919 % 1009 for n in range({0})],)"
_TWO = "([n * 7919 % 1009 for n in range({0})], [n * 31 % 1009 for n in range({1})])"
_WORDS = "([chr(97 + n % 26) * (n % 7) + str(n % 50) for n in range({0})],)"
_ENDS = ("([],)", "([3],)", "([5, 2, 5, 1],)")
_TWO_ENDS = ("([], [])", "([3, 4], [4])", "([], [1])", "([5, 2, 5, 1], [2, 5])")

SHAPES = (
    Shape(
        "members kept",
        """\
def $f($many, $others):
    $result = []
    for $one in $many:
        if $one in $others:
            $result.append($one)
    return $result
""",
        (_TWO.format(300, 200), *_TWO_ENDS),
    ),
    Shape(
        "members left out",
        """\
def $f($many, $others):
    return [$one for $one in $many if $one not in $others]
""",
        (_TWO.format(300, 200), *_TWO_ENDS),
    ),
    Shape(
        "counted in a loop",
        """\
def $f($many):
    $result = []
    for $one in $many:
        if $many.count($one) == 1:
            $result.append($one)
    return $result
""",
        (_NUMBERS.format(150), *_ENDS),
    ),
    Shape(
        "sum by index",
        """\
def $f($many):
    $total = 0
    for $place in range(len($many)):
        if $many[$place] > 10:
            $total += $many[$place]
    return $total
""",
        (_NUMBERS.format(1500), *_ENDS),
    ),
    Shape(
        "squares appended",
        """\
def $f($many):
    $result = []
    for $one in $many:
        $result.append($one * $one + 1)
    return $result
""",
        (_NUMBERS.format(1500), *_ENDS),
    ),
    Shape(
        "text glued",
        """\
def $f($many):
    $result = ""
    for $one in $many:
        $result = $result + $one.upper()
    return $result
""",
        (_WORDS.format(600), "([],)", "(['a'],)", "(['b', '', 'C d'],)"),
    ),
    Shape(
        "smallest by sorting",
        """\
def $f($many):
    return sorted($many)[0]
""",
        (_NUMBERS.format(2000), "([3],)", "([5, 2, 5, 1],)", "([2, 2],)"),
    ),
    Shape(
        "windows summed",
        """\
def $f($many):
    $result = []
    for $place in range(len($many)):
        $result.append(sum($many[:$place]))
    return $result
""",
        (_NUMBERS.format(120), *_ENDS),
    ),
    Shape(
        "unseen kept",
        """\
def $f($many):
    $result = []
    for $one in $many:
        if $one not in $result:
            $result.append($one)
    return $result
""",
        (_NUMBERS.format(150), *_ENDS),
    ),
    Shape(
        "pairs joined",
        """\
def $f($many, $others):
    $result = []
    for $one in $many:
        for other in $others:
            if other["key"] == $one["key"]:
                $result.append(($one["value"], other["value"]))
    return $result
""",
        (
            "([{'key': n % 40, 'value': n} for n in range(60)],"
            " [{'key': n % 50, 'value': -n} for n in range(60)])",
            "([], [])",
            "([{'key': 1, 'value': 2}], [{'key': 1, 'value': 3}, {'key': 2, 'value': 4}])",
            "([{'key': 1, 'value': 2}], [])",
        ),
    ),
    Shape(
        "text turned round",
        """\
def $f($many):
    $result = ""
    for $one in $many:
        $result = $one + $result
    return $result
""",
        ("('abcdefgh' * 60,)", "('',)", "('a',)", "('abc',)"),
    ),
    Shape(
        "queue from the front",
        """\
def $f($many):
    $total = 0
    while $many:
        $one = $many.pop(0)
        if $one > 3:
            $total += $one
    return $total
""",
        (_NUMBERS.format(800), *_ENDS),
    ),
    Shape(
        "lines matched",
        """\
import re


def $f($many):
    return [$one for $one in $many if re.match(r"[a-c]+[0-9]", $one)]
""",
        (_WORDS.format(300), "([],)", "(['a1'],)", "(['b', '', 'cc7'],)"),
    ),
    Shape(
        "greatest kept by hand",
        """\
def $f($many):
    $result = []
    for $place in range(len($many)):
        $result.append(max($many[: $place + 1]))
    return $result
""",
        (_NUMBERS.format(120), *_ENDS),
    ),
)
