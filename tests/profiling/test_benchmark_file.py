"""A benchmark made of recorded calls: it runs, it can be read, and nothing unchecked is in it."""

import ast
import re

import pytest

from perfbot.optimizer.case import Case
from perfbot.profiling.benchmark_file import GeneratedBenchmark, generated, written
from perfbot.profiling.effect import Versions
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.pytest_options import neutral_arguments
from perfbot.profiling.spelling import Access, NotSpelled, SpelledCall

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATH = "shop/work.py"
WORK = """\
import functools
import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    number: int
    customer: str


class Basket:
    def __init__(self, wanted, stock):
        self.wanted = wanted
        self._stock = stock

    def missing(self, least=1):
        return [each for each in self.wanted if each not in self._stock][least:]

    @property
    def lacking(self):
        return [each for each in self.wanted if each not in self._stock]

    @classmethod
    def of(cls, wanted):
        return cls(list(wanted), [])

    @staticmethod
    def total(amounts):
        return sum(amounts)


class Closed:
    def __init__(self, path):
        self.lines = len(path)

    def count(self, by):
        return self.lines * by


class Liar:
    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return "__import__('os').system('true')"

    __str__ = __repr__

    def __reduce__(self):
        return Liar, (self.value,)


def missing(wanted, stock):
    return [each for each in wanted if each not in stock]


def in_place(items):
    items.sort()
    return len(items)


def lazily(items):
    for each in items:
        yield each + 1


async def later(items):
    return sum(items)


def orders_of(orders, customer):
    return [order.number for order in orders if order.customer == customer]


def told(liar):
    return liar.value


@functools.lru_cache
def cached(number):
    return number * 2


def joined(*parts, sep=" "):
    return sep.join(parts)


def shuffled(numbers, factor: int = 1):
    return sorted(each * factor for each in numbers)


def outer(items):
    def inner(values):
        return sum(values)

    return inner(items)
"""
TESTS = """\
import asyncio
import random

from shop import work
from shop.work import Basket, Closed, Liar, Order

STOCK = [f"item {n}" for n in range(300)]
WANTED = [f"item {n}" for n in range(200, 500)]


def test_all():
    assert len(work.missing(WANTED, STOCK)) == 200
    assert work.missing(["a"], []) == ["a"]  # too short to tell anything
    assert work.in_place(list(range(500, 0, -1))) == 500
    assert len(list(work.lazily(list(range(1000))))) == 1000
    assert asyncio.run(work.later(list(range(1000)))) == 499500
    orders = [Order(n, f"customer {n % 7}") for n in range(400)]
    assert len(work.orders_of(orders, "customer 3")) == 57
    assert work.told(Liar(1)) == 1
    assert work.cached(3) == 6
    assert work.joined("a", "b", sep="-") == "a-b"
    drawing = random.Random(5)
    assert len(work.shuffled([drawing.randrange(10_000) for _ in range(2_000)], factor=2)) == 2_000
    assert work.outer([1, 2]) == 3


def test_methods():
    assert len(Basket(WANTED, STOCK).missing(least=2)) == 198
    assert len(Basket(WANTED, STOCK).lacking) == 200
    assert len(Basket.of(WANTED).wanted) == 300
    assert Basket.total(list(range(1000))) == 499500
    assert Closed("abc").count(2) == 6
"""
NAMES = [
    "missing", "in_place", "lazily", "later", "orders_of", "told", "cached", "joined", "shuffled",
    "outer.<locals>.inner", "Basket.missing", "Basket.lacking", "Basket.of", "Basket.total",
    "Closed.count",
]  # fmt: skip


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    files = {
        "shop/__init__.py": "from shop.work import missing\n",
        PATH: WORK,
        "tests/test_work.py": TESTS,
    }
    return prepare(files, *(f"{PATH}::{name}" for name in NAMES))


def made(case: Case, name: str, path: str = PATH) -> GeneratedBenchmark:
    versions = Versions(case.target, case.tree, case.tree, case.scratch)
    reference = case.reference(FunctionName(path, name))
    return generated(versions, neutral_arguments((), {}), reference, wall_s=60)


MISSING = '''\
"""Benchmark of missing() in shop/work.py.

The inputs were recorded from the project's own tests and commands.
Run it with: pytest benchmarks/test_bench_missing.py
"""

import pytest

from shop import missing


@pytest.mark.parametrize(
    ("wanted", "stock"),
    [
        pytest.param(
            [f"item {n}" for n in range(200, 500)],
            [f"item {n}" for n in range(300)],
            id="wanted=300-stock=300",
        ),
    ],
)
def test_missing(benchmark, wanted, stock):
    """Time the calls that take most of the time that the project spends in missing()."""
    benchmark(missing, wanted, stock)
'''


def test_the_file_is_one_that_a_maintainer_could_have_written(case):
    found = made(case, "missing")
    assert found.file == "test_bench_missing.py"
    assert found.content.decode() == MISSING


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("in_place", "setup=lambda: (copy.deepcopy((items,)), {}),"),
        ("lazily", "benchmark(lambda: list(lazily(items)))"),
        ("later", "benchmark(lambda: asyncio.run(later(items)))"),
        ("orders_of", 'Order(number=n, customer=f"customer {a}")'),
        ("joined", 'pytest.param("a", "b", "-", id="call-1"),'),
        ("shuffled", "RANDOM.choices(range("),
        ("Basket.missing", "benchmark(basket.missing, least=least)"),
        ("Basket.lacking", "benchmark(lambda: basket.lacking)"),
        ("Basket.of", "benchmark(Basket.of, wanted)"),
        ("Basket.total", "benchmark(Basket.total, amounts)"),
    ],
)
def test_each_kind_of_function_is_called_as_its_users_call_it(case, name, line):
    """And it runs: a file that does not is never handed out."""
    text = made(case, name).content.decode()
    assert line in text
    ast.parse(text)


def test_a_repr_that_returns_code_is_never_asked(case):
    text = made(case, "told").content.decode()
    assert "Liar(value=1)" in text
    assert "system" not in text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cached", "its results are kept by a cache"),
        ("Closed.count", "a Closed does not keep the path that it is made of"),
        ("outer.<locals>.inner", "no recorded call of it returns"),
    ],
)
def test_what_cannot_be_benchmarked_so_has_a_reason(case, name, why):
    with pytest.raises(NotSpelled, match=re.escape(why)):
        made(case, name)


FORGER = """\
import sys

results = sys.modules.get("_perfbot_inside.results")
if results is not None:
    honest = results.Results.send

    def send(self, kind, **fields):
        if kind == "spelled":
            fields["arguments"] = ["__import__('os').system('true')"]
        honest(self, kind, **fields)

    results.Results.send = send


def doubled(items):
    return [each * 2 for each in items]
"""


def test_what_a_target_forges_is_refused(prepare):
    """The code under judgement runs in the process that spells its values."""
    tests = "from forger import doubled\n\n\ndef test_it():\n    assert doubled([1]) == [2]\n"
    case = prepare({"forger.py": FORGER, "tests/test_it.py": tests}, "forger.py::doubled")
    with pytest.raises(NotSpelled, match="no plain data"):
        made(case, "doubled", "forger.py")


def test_a_path_can_not_leave_the_docstring():
    function = FunctionName('a"""\nimport os\n"""b.py', "f")
    access = Access("a", "function", "function")
    call = SpelledCall(0, 1, ("1",), {}, ("value",), ("1",), {}, False)
    tree = ast.parse(written(function, access, [call], fresh=False))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert [alias.name for node in imported for alias in node.names] == ["pytest"]
