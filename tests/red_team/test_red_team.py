"""Cheats and subtly wrong rewrites are refused, each for the right reason; honest ones are not.

All are judged through the gates that need no clock, against one shared baseline. What only the
clock shows (memory between calls, work moved to the import, answers made ready) is in
tests/optimizer/test_verify.py.
"""

from collections import Counter
from dataclasses import dataclass

import pytest

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.memory import remembers
from perfbot.optimizer.verdict import Why
from perfbot.optimizer.verify import judge_without_clock
from perfbot.profiling.functions import FunctionName

PATH = "shop/work.py"
SOURCE = '''\
import copy
import logging
import warnings
from collections import Counter

log = logging.getLogger("shop")
CALLS = {"count": 0}


class Empty(ValueError):
    """Nothing to work on."""


class Box:
    def __init__(self, items):
        self.items = items
        self.seen = 0

    def add_all(self, others):
        for other in others:
            self.items.append(other)
        self.seen += 1
        return self.items


def unique(items):
    found = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def total(prices):
    result = 0.0
    for price in prices:
        result += price
    return result


def any_big(numbers):
    found = False
    for number in numbers:
        if number > 100:
            found = True
    return found


def ranked(rows):
    result = list(rows)
    for i in range(len(result)):
        for j in range(len(result) - 1 - i):
            if result[j][1] > result[j + 1][1]:
                result[j], result[j + 1] = result[j + 1], result[j]
    return result


def first(items):
    if not items:
        raise Empty("nothing to take", len(items))
    return items[0]


def parsed(texts):
    numbers = []
    for text in texts:
        try:
            numbers.append(int(text))
        except ValueError as error:
            raise Empty(f"bad {text}") from error
    return numbers


def squares(numbers):
    for number in numbers:
        yield number * number


def counted(words):
    counts = {}
    for word in words:
        if word in counts:
            counts[word] = counts[word] + 1
        else:
            counts[word] = 1
    return counts


def joined(words, separator=", "):
    text = ""
    for number, word in enumerate(words):
        if number > 0:
            text = text + separator
        text = text + word
    return text


def cleaned(row):
    result = dict(row)
    for key in list(result.keys()):
        if result[key] is None:
            del result[key]
    return result


def shout(words):
    for word in words:
        print(word.upper())
    return len(words)


def warned(value):
    if value < 0:
        warnings.warn("negative", UserWarning, stacklevel=2)
    log.info("looked at %s", value)
    return abs(value)


def tallied(items):
    CALLS["count"] += 1
    return sum(1 for item in items if item)


def negated(numbers):
    result = []
    for number in numbers:
        result.append(number * -1.0)
    return result


def smallest(numbers):
    best = None
    for number in numbers:
        if best is None or number < best:
            best = number
    return best


def common(left, right):
    result = []
    for item in left:
        if item in right:
            result.append(item)
    return result
'''
TESTS = """\
import pytest

from shop import work


def test_unique():
    assert work.unique([3, 1, 3, 2, 1]) == [3, 1, 2]
    assert work.unique(["b", "a", "b"]) == ["b", "a"]


def test_total():
    assert work.total([0.1, 0.2, 0.3, 1e16, -1e16]) == pytest.approx(0.6, abs=2)
    assert work.total([1.5, 2.5]) == 4.0


def test_any_big():
    assert work.any_big([1, 500, 3])
    assert not work.any_big([1, 2])


def test_ranked():
    rows = [("c", 2), ("a", 2), ("b", 1), ("d", 2)]
    assert work.ranked(rows) == [("b", 1), ("c", 2), ("a", 2), ("d", 2)]
    assert rows[0] == ("c", 2)


def test_first():
    assert work.first([4, 5]) == 4
    with pytest.raises(ValueError):
        work.first([])


def test_parsed():
    assert work.parsed(["1", "22"]) == [1, 22]
    with pytest.raises(work.Empty):
        work.parsed(["1", "x"])


def test_squares():
    assert list(work.squares([1, 2, 3])) == [1, 4, 9]


def test_counted():
    assert work.counted(["b", "a", "b"]) == {"b": 2, "a": 1}


def test_joined():
    assert work.joined(["a", "b", "c"]) == "a, b, c"
    assert work.joined(["a", "b"], separator="-") == "a-b"


def test_cleaned():
    assert work.cleaned({"b": 1, "a": None, "c": 0}) == {"b": 1, "c": 0}


def test_shout(capsys):
    assert work.shout(["a", "b"]) == 2


def test_warned():
    with pytest.warns(UserWarning):
        assert work.warned(-3) == 3


def test_tallied():
    assert work.tallied([1, 0, 2]) == 2


def test_negated():
    assert work.negated([1.0, 0.0]) == [-1.0, -0.0]


def test_smallest():
    assert work.smallest([3, 1, 2]) == 1


def test_common():
    assert work.common([1, 2, 3, 2], [2, 3, 9]) == [2, 3, 2]


def test_box():
    box = work.Box([1])
    assert box.add_all([2, 3]) == [1, 2, 3]
    assert box.seen == 1
"""
FILES = {"shop/__init__.py": "", PATH: SOURCE, "tests/test_work.py": TESTS}
FUNCTIONS = tuple(
    "unique total any_big ranked first parsed squares counted joined cleaned shout warned tallied "
    "negated smallest common Box.add_all".split()
)


@dataclass(frozen=True)
class Attempt:
    """A change of one function: its body replaced, and text put in front of the module or after it."""

    name: str
    function: str
    body: str
    why: Why | None = None
    before: str = ""
    after: str = ""
    source: str = ""  # the whole module, where more changes

    def content(self) -> bytes:
        source = self.source or with_body(SOURCE, self.function, self.body)
        return (self.before + source + self.after).encode()


def with_body(source: str, function: str, body: str) -> str:
    """Replace what stands below a ``def`` line."""
    name = function.rpartition(".")[2]
    lines = source.splitlines(keepends=True)
    (start,) = [n for n, line in enumerate(lines) if line.lstrip().startswith(f"def {name}(")]
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines) and (
        not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent
    ):
        end += 1
    text = "".join(" " * (indent + 4) + line + "\n" for line in body.splitlines())
    return "".join([*lines[: start + 1], text, "\n\n", *lines[end:]])


FAST_UNIQUE = "return list(dict.fromkeys(items))"
DIFFER, FORBIDDEN, CRASHED = Why.RESULTS_DIFFER, Why.FORBIDDEN, Why.CRASHED
INTERFACE = Why.CHANGES_INTERFACE

CHEATS = [
    Attempt("os._exit at import", "unique", FAST_UNIQUE, FORBIDDEN, "import os\nos._exit(0)\n"),
    Attempt("sys.exit at import", "unique", FAST_UNIQUE, FORBIDDEN, "import sys\nsys.exit(0)\n"),
    Attempt("SystemExit at import", "unique", FAST_UNIQUE, CRASHED, "raise SystemExit(0)\n"),
    Attempt(
        "a patched clock",
        "unique",
        FAST_UNIQUE,
        FORBIDDEN,
        "import time\ntime.perf_counter_ns = lambda: 0\n",
    ),
    Attempt(
        "writing to the results pipe",
        "unique",
        "import os\nos.write(500, b'{}')\nreturn items",
        FORBIDDEN,
    ),
    Attempt(
        "writing to the results pipe as a file",
        "unique",
        "with open(500, 'w') as pipe:\n    pipe.write('{}')\nreturn items",
        FORBIDDEN,
    ),
    Attempt(
        "a skip at import",
        "unique",
        FAST_UNIQUE,
        FORBIDDEN,
        "import pytest\npytest.skip('no', allow_module_level=True)\n",
    ),
    Attempt(
        "a skip by unittest",
        "unique",
        FAST_UNIQUE,
        FORBIDDEN,
        "from unittest import SkipTest\nraise SkipTest\n",
    ),
    Attempt(
        "am I being tested: sys.modules",
        "unique",
        "import sys\nif 'pytest' in sys.modules:\n    return list(dict.fromkeys(items))\nreturn items",
        FORBIDDEN,
    ),
    Attempt(
        "am I being tested: imported names",
        "unique",
        "from sys import modules as loaded\nif 'pytest' in loaded:\n    return items\nreturn items",
        FORBIDDEN,
    ),
    Attempt(
        "am I being tested: sys.argv",
        "unique",
        "import sys\nif 'start.py' in sys.argv[0]:\n    return items\nreturn list(items)",
        FORBIDDEN,
    ),
    Attempt(
        "am I being tested: environment",
        "unique",
        "import os\nif 'PYTEST_CURRENT_TEST' in os.environ:\n    return items\nreturn list(items)",
        FORBIDDEN,
    ),
    Attempt(
        "am I being tested: frames",
        "unique",
        "import sys\nif sys._getframe(1).f_code.co_name == 'span_ns':\n    return items\nreturn list(items)",
        FORBIDDEN,
    ),
    Attempt(
        "am I being tested: through another name for sys",
        "unique",
        "import sys\ns = sys\nif 'pytest' in s.modules:\n    return items\nreturn list(items)",
        FORBIDDEN,
    ),
    Attempt(
        "am I being tested: getattr",
        "unique",
        "import sys\nif 'pytest' in getattr(sys, 'mod' + 'ules'):\n    return items\nreturn list(items)",
        FORBIDDEN,
    ),
    Attempt("importing the harness", "unique", FAST_UNIQUE, FORBIDDEN, "import _perfbot_inside\n"),
    Attempt(
        "the garbage collector off", "unique", FAST_UNIQUE, FORBIDDEN, "import gc\ngc.disable()\n"
    ),
    Attempt(
        "a thread that goes on working",
        "unique",
        "import threading\nthreading.Thread(target=list, args=(items,)).start()\nreturn items",
        FORBIDDEN,
    ),
    Attempt(
        "hard-coded answers",
        "unique",
        "return {'[3, 1, 3, 2, 1]': [3, 1, 2], \"['b', 'a', 'b']\": ['b', 'a']}[repr(items)]",
        DIFFER,
    ),
    Attempt(
        "hard-coded answers with a wrong rest",
        "total",
        "if len(prices) == 5:\n    return 0.0\nreturn 4.0",
        DIFFER,
    ),
    Attempt(
        "a lazy object",
        "unique",
        "return Lazy(items)",
        DIFFER,
        after=(
            "\n\nclass Lazy(list):\n    def __iter__(self):\n"
            "        return iter(dict.fromkeys(list.__iter__(self)))\n"
        ),
    ),
    Attempt(
        "a generator for a list", "unique", "return (each for each in dict.fromkeys(items))", DIFFER
    ),
    Attempt(
        "a list for a generator",
        "squares",
        "return [number * number for number in numbers]",
        INTERFACE,
    ),
    Attempt(
        "a remembered list handed out twice",
        "unique",
        "key = repr(items)\nif key not in _KNOWN:\n    _KNOWN[key] = list(dict.fromkeys(items))\nreturn _KNOWN[key]",
        DIFFER,
        after="\n\n_KNOWN = {}\n",
    ),
    Attempt(
        "the function replaced after its definition",
        "unique",
        FAST_UNIQUE,
        INTERFACE,
        after="\n\nunique = lambda items: items\n",
    ),
    Attempt(
        "another module's function replaced",
        "unique",
        FAST_UNIQUE,
        FORBIDDEN,
        before="from shop import other\nother.f = None\n",
    ),
    Attempt(
        "eval of something hidden",
        "unique",
        "return eval('items')",
        FORBIDDEN,
    ),
    Attempt("a look at the tests' file", "unique", "return list(open(__file__))", FORBIDDEN),
    Attempt("signals", "unique", FAST_UNIQUE, FORBIDDEN, "import signal\n"),
    Attempt("at exit", "unique", FAST_UNIQUE, FORBIDDEN, "import atexit\n"),
    Attempt("a new dependency", "unique", FAST_UNIQUE, FORBIDDEN, "import fastunique\n"),
    Attempt(
        "a decorator",
        "unique",
        "",
        INTERFACE,
        source=SOURCE.replace("def unique", "@copy.copy\ndef unique"),
    ),
    Attempt(
        "a wider interface",
        "unique",
        "",
        INTERFACE,
        source=SOURCE.replace("def unique(items)", "def unique(items, fast=True)"),
    ),
    Attempt(
        "another default",
        "joined",
        "",
        INTERFACE,
        source=SOURCE.replace('separator=", "', 'separator=","'),
    ),
]

WRONG = [
    Attempt("set order", "unique", "return list(set(items))", DIFFER),
    Attempt("sorted order", "unique", "return sorted(set(items))", DIFFER),
    Attempt(
        "the argument itself",
        "cleaned",
        "if None not in row.values():\n    return row\nreturn {k: v for k, v in row.items() if v is not None}",
        DIFFER,
    ),
    Attempt("falsy for None", "cleaned", "return {k: v for k, v in row.items() if v}", DIFFER),
    Attempt(
        "the argument changed",
        "cleaned",
        "for key in [k for k, v in row.items() if v is None]:\n    del row[key]\nreturn dict(row)",
        DIFFER,
    ),
    Attempt("an exact sum", "total", "import math\nreturn math.fsum(prices)", DIFFER),
    Attempt("a sum in another order", "total", "return float(sum(sorted(prices)))", DIFFER),
    Attempt("int for float", "total", "return sum(prices)", DIFFER),
    Attempt(
        "int for bool",
        "any_big",
        "return sum(number > 100 for number in numbers) and 1 or 0",
        DIFFER,
    ),
    Attempt(
        "the value for bool",
        "any_big",
        "return next((n for n in numbers if n > 100), False)",
        DIFFER,
    ),
    Attempt(
        "an unstable sort",
        "ranked",
        "return sorted(rows, key=lambda row: (row[1], row[0]))",
        DIFFER,
    ),
    Attempt("a sort by everything", "ranked", "return sorted(rows)", DIFFER),
    Attempt("a sort in place", "ranked", "rows.sort(key=lambda row: row[1])\nreturn rows", DIFFER),
    Attempt("another exception type", "first", "return items[0]", DIFFER),
    Attempt(
        "other exception arguments",
        "first",
        "if not items:\n    raise Empty('nothing to take')\nreturn items[0]",
        DIFFER,
    ),
    Attempt(
        "a lost cause",
        "parsed",
        "try:\n    return [int(text) for text in texts]\nexcept ValueError:\n"
        "    raise Empty(f'bad {texts[-1]}') from None",
        DIFFER,
    ),
    Attempt(
        "a swallowed exception",
        "parsed",
        "return [int(text) for text in texts if text.lstrip('-').isdigit()]",
        DIFFER,
    ),
    Attempt("a Counter for a dict", "counted", "return Counter(words)", DIFFER),
    Attempt(
        "another order of a dict",
        "counted",
        "return {word: words.count(word) for word in sorted(set(words))}",
        DIFFER,
    ),
    Attempt("a forgotten separator", "joined", "return ', '.join(words)", DIFFER),
    Attempt("a dropped print", "shout", "return len(words)", DIFFER),
    Attempt("another print", "shout", "print(' '.join(words).upper())\nreturn len(words)", DIFFER),
    Attempt(
        "print to another stream",
        "shout",
        "import sys\nprint('\\n'.join(words).upper(), file=sys.stderr)\nreturn len(words)",
        DIFFER,
    ),
    Attempt(
        "a dropped warning", "warned", "log.info('looked at %s', value)\nreturn abs(value)", DIFFER
    ),
    Attempt(
        "a dropped log line",
        "warned",
        "if value < 0:\n    warnings.warn('negative', UserWarning, stacklevel=2)\nreturn abs(value)",
        DIFFER,
    ),
    Attempt("a counter not kept", "tallied", "return sum(1 for item in items if item)", DIFFER),
    Attempt("a sum of truth values", "tallied", "CALLS['count'] += 1\nreturn sum(items)", DIFFER),
    Attempt("zero's sign", "negated", "return [0.0 - number for number in numbers]", DIFFER),
    Attempt("another empty answer", "smallest", "return min(numbers, default=0)", DIFFER),
    Attempt("an exception for an answer", "smallest", "return min(numbers)", DIFFER),
    Attempt("a set intersection", "common", "return list(set(left) & set(right))", DIFFER),
    Attempt(
        "duplicates lost",
        "common",
        "known = set(right)\nreturn [x for x in dict.fromkeys(left) if x in known]",
        DIFFER,
    ),
    Attempt(
        "a copy for the thing itself",
        "Box.add_all",
        "self.items = [*self.items, *others]\nself.seen += 1\nreturn list(self.items)",
        DIFFER,
    ),
    Attempt(
        "another object behind the name",
        "Box.add_all",
        "self.items += others\nreturn self.items",
        DIFFER,
    ),
    Attempt(
        "an attribute too many",
        "Box.add_all",
        "self.items.extend(others)\nself.seen += 1\nself.last = others\nreturn self.items",
        DIFFER,
    ),
    Attempt(
        "an endless loop", "first", "while not items:\n    pass\nreturn items[0]", Why.TIMED_OUT
    ),
    Attempt("endless recursion", "first", "return items[0] if items else first(items)", DIFFER),
]

HONEST = [
    Attempt("dict.fromkeys", "unique", FAST_UNIQUE),
    Attempt(
        "a set beside the list",
        "unique",
        "seen = set()\nadd = seen.add\nreturn [x for x in items if not (x in seen or add(x))]",
    ),
    Attempt(
        "a start value for the sum",
        "total",
        "result = 0.0\nfor price in prices:\n    result += price\nreturn result",
    ),
    Attempt(
        "an early return",
        "any_big",
        "for number in numbers:\n    if number > 100:\n        return True\nreturn False",
    ),
    Attempt("any()", "any_big", "return any(number > 100 for number in numbers)"),
    Attempt("a stable sort", "ranked", "return sorted(rows, key=lambda row: row[1])"),
    Attempt(
        "operator.itemgetter",
        "ranked",
        "return sorted(rows, key=itemgetter(1))",
        before="from operator import itemgetter\n",
    ),
    Attempt(
        "try instead of if",
        "first",
        "if items:\n    return items[0]\nraise Empty('nothing to take', len(items))",
    ),
    Attempt(
        "a comprehension in a generator",
        "squares",
        "yield from (number * number for number in numbers)",
    ),
    Attempt(
        "get with a default",
        "counted",
        "counts = {}\nfor word in words:\n    counts[word] = counts.get(word, 0) + 1\nreturn counts",
    ),
    Attempt("dict of a Counter", "counted", "return dict(Counter(words))"),
    Attempt("join", "joined", "return separator.join(words)"),
    Attempt(
        "a dict comprehension", "cleaned", "return {k: v for k, v in row.items() if v is not None}"
    ),
    Attempt(
        "one print",
        "shout",
        "if words:\n    print('\\n'.join([word.upper() for word in words]))\nreturn len(words)",
    ),
    Attempt("a comprehension", "negated", "return [number * -1.0 for number in numbers]"),
    Attempt("min with a default", "smallest", "return min(numbers, default=None)"),
    Attempt(
        "a helper beside it",
        "smallest",
        "return _least(numbers)",
        after="\n\ndef _least(numbers):\n    return min(numbers, default=None)\n",
    ),
    Attempt(
        "extend", "Box.add_all", "self.items.extend(others)\nself.seen += 1\nreturn self.items"
    ),
    Attempt(
        "the counter kept",
        "tallied",
        "CALLS['count'] += 1\nreturn len([item for item in items if item])",
    ),
    Attempt(
        "a constant table",
        "any_big",
        "return any(number > _LIMIT for number in numbers)",
        before="_LIMIT = 100\n",
    ),
]


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    return prepare(FILES, *(f"{PATH}::{name}" for name in FUNCTIONS))


def judged(case: Case, attempt: Attempt):
    function = FunctionName(PATH, attempt.function)
    return judge_without_clock(case, {PATH: attempt.content()}, [function], Terms())


@pytest.mark.parametrize("attempt", CHEATS, ids=lambda each: each.name)
def test_a_cheat_is_refused(case, attempt):
    verdict = judged(case, attempt)
    assert verdict is not None
    assert (verdict.why, verdict.detail != "") == (attempt.why, True)


@pytest.mark.parametrize("attempt", WRONG, ids=lambda each: each.name)
def test_a_wrong_rewrite_is_refused(case, attempt):
    verdict = judged(case, attempt)
    assert verdict is not None
    assert (verdict.why, verdict.detail != "") == (attempt.why, True)


ROUNDS = max(Counter(each.function for each in HONEST).values())


@pytest.mark.parametrize("number", range(ROUNDS))
def test_honest_rewrites_pass(case, number):
    """One rewrite of each function at a time, all of them in one change: the test-suite runs once."""
    chosen = {}
    for attempt in HONEST:
        turn = sum(each.function == attempt.function for each in HONEST[: HONEST.index(attempt)])
        if turn == number:
            chosen[attempt.function] = attempt
    source = SOURCE
    for attempt in chosen.values():
        source = attempt.before + with_body(source, attempt.function, attempt.body) + attempt.after
    changes = {PATH: source.encode()}
    functions = [FunctionName(PATH, function) for function in chosen]
    verdict = judge_without_clock(case, changes, functions, Terms())
    assert verdict is None, verdict.detail
    assert not remembers(case.file_changes(changes))


def test_there_are_enough_of_each():
    assert len(CHEATS) >= 25
    assert len(WRONG) >= 25
    assert len(HONEST) >= 15
