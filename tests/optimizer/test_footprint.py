"""What a change does to the memory its functions need, and changes that are made to need less."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbot.optimizer.case import Case, Terms
from perfbot.optimizer.catalogue import rules
from perfbot.optimizer.footprint import Footprint, weighed
from perfbot.optimizer.objective import Objective
from perfbot.optimizer.plan import Subject
from perfbot.optimizer.proposing import Catalogue
from perfbot.optimizer.search import search
from perfbot.optimizer.verdict import Accepted, Refusal, Why
from perfbot.optimizer.verify import judge
from perfbot.profiling.functions import FunctionName
from perfbot.profiling.source import read_source

PATH = "shop/totals.py"
SOURCE = """\
def total(amounts):
    return sum([amount * amount for amount in amounts])


def known(names, wanted):
    return any([name == wanted for name in names])


def first(names):
    return sorted(names)[0]
"""
LAZY = SOURCE.replace("any([name == wanted for name in names])", "wanted in names")
SLOW = SOURCE.replace(
    "    return sum([amount * amount for amount in amounts])",
    "    found = 0\n    for amount in amounts:\n        for _ in range(9):\n            found += 0\n"
    "        found += amount * amount\n    return found",
)
TESTS = """\
from shop.totals import first, known, total


def test_total():
    assert total(list(range(20000))) == 2666466670000


def test_known():
    assert known([str(number) for number in range(20000)], "19999")
    assert not known([], "x")


def test_first():
    assert first([str(number) for number in range(20000, 0, -1)]) == "1"
"""
FILES = {"shop/__init__.py": "", PATH: SOURCE, "tests/test_totals.py": TESTS}
LESS_MEMORY = Terms(objective=Objective.MEMORY)
MIB = 1 << 20


@pytest.fixture(scope="module")
def case(prepare) -> Case:
    return prepare(FILES, f"{PATH}::total", f"{PATH}::known", f"{PATH}::first")


def judged(case: Case, source: str, name: str):
    function = FunctionName(PATH, name)
    deadline_s = time.monotonic() + 120
    return judge(case, {PATH: source.encode()}, [function], LESS_MEMORY, deadline_s=deadline_s)


def test_a_change_that_saves_memory_and_no_time_away_is_accepted(case: Case) -> None:
    verdict = judged(case, LAZY, "known")
    assert isinstance(verdict, Accepted), verdict
    (measured,) = verdict.measured
    assert measured.memory_ratio is not None
    assert measured.memory_ratio < 0.5


def test_memory_saved_with_much_more_time_is_refused(case: Case) -> None:
    verdict = judged(case, SLOW, "total")
    assert (verdict.why, verdict.gates[-1].name) == (Why.NOT_FASTER, "speed")


def test_a_change_that_saves_no_memory_is_refused_however_fast(case: Case) -> None:
    verdict = judged(case, SOURCE.replace("amount * amount", "amount**2"), "total")
    assert (verdict.why, verdict.gates[-1].name) == (Why.USES_MORE_MEMORY, "memory")
    assert "is asked for" in verdict.detail


def test_the_search_looks_for_what_saves_memory(case: Case) -> None:
    function = FunctionName(PATH, "first")
    recording = case.recordings[function]
    source = read_source(case.tree.root / PATH)
    subject = Subject(function, source, dict(recording.facts), frozenset(), recording.count)
    deadline_s = time.monotonic() + 120
    best = search(
        case, subject, [Catalogue(rules())], LESS_MEMORY, deadline_s=deadline_s
    ).candidates[0]
    assert best.ratio > 2  # bytes at the peak, not time


@given(st.integers(1, 1 << 40), st.integers(1, 1 << 40))
def test_what_is_needed_beyond_the_limit_is_refused_unless_it_is_noise(
    before: int, after: int
) -> None:
    found = {FunctionName(PATH, "total"): Footprint(before, after, 0)}
    refused = isinstance(weighed(found, Terms(max_memory_ratio=1.1)), Refusal)
    assert refused == (after > 1.1 * before and after - before > MIB)


def test_of_several_functions_one_must_save_memory_and_none_need_more() -> None:
    saves, same, more = (Footprint(9 * MIB, after * MIB, 0) for after in (3, 9, 12))
    names = [FunctionName(PATH, "total"), FunctionName(PATH, "known")]
    one_saves = weighed(dict(zip(names, (same, saves), strict=True)), LESS_MEMORY)
    none_saves = weighed(dict(zip(names, (same, same), strict=True)), LESS_MEMORY)
    one_grows = weighed(dict(zip(names, (saves, more), strict=True)), LESS_MEMORY)
    assert isinstance(one_saves, str)
    assert isinstance(none_saves, Refusal)
    assert isinstance(one_grows, Refusal)
